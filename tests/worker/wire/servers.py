"""Raw HTTP servers on loopback that behave as a test says: byte for byte, connection by connection."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

_POLITE = 5.0  # seconds after which a forgotten conversation ends by itself


class Talk:
    """One connection, as the server's script holds it."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self._sock = sock
        self._read = b""

    def requests(self) -> Iterator[bytes]:
        """The requests of this connection, whole, until the client closes it."""
        while (request := self.request()) is not None:
            yield request

    def request(self) -> bytes | None:
        """The next whole request; None when the client has gone."""
        while not (whole := re.match(rb"(?s).*?\r\n\r\n", self._read)):
            if not self._more():
                return None
        length = re.search(rb"(?i)content-length: (\d+)", whole[0])
        size = whole.end() + (int(length[1]) if length else 0)
        while len(self._read) < size:
            if not self._more():
                return None
        request, self._read = self._read[:size], self._read[size:]
        self.server.requests.append(request)
        return request

    def await_bytes(self) -> None:
        """Wait until the client has sent something, and leave it unread."""
        self._sock.recv(1, socket.MSG_PEEK)

    def say(self, text: bytes) -> None:
        """Send bytes to the client."""
        self._sock.sendall(text)

    def drip(self, text: bytes, seconds: float) -> None:
        """Send a byte, wait, send a byte."""
        for byte in text:
            self.say(bytes([byte]))
            self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Wait, or until the test is over."""
        if self.server.over.wait(seconds):
            raise OSError("the test is over")

    def reset(self) -> None:
        """Throw the connection away: the client gets a reset, not an end."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def _more(self) -> bool:
        some = self._sock.recv(65536)
        self._read += some
        return bool(some)


@dataclass
class Server:
    """A listener that plays `script` on every connection, each in a thread of its own."""

    script: Callable[[Talk], None]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def paths(self) -> list[str]:
        """The paths asked for, in the order of arrival."""
        return [request.split(b" ", 2)[1].decode() for request in self.requests]

    def finished(self, number: int) -> None:
        """Wait until so many connections have come to the end of their script."""
        for thread in self._threads[1 : number + 1]:
            thread.join(_POLITE)

    def close(self) -> None:
        """End everything and wait for it."""
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                sock.settimeout(_POLITE)
                self._open.append(sock)
                self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
                self._threads[-1].start()

    def _serve(self, raw: socket.socket) -> None:
        with raw, suppress(OSError):
            if self.tls is None:
                self.script(Talk(self, raw))
                return
            with self.tls.wrap_socket(raw, server_side=True) as sock:
                self._open.append(sock)
                self.script(Talk(self, sock))


def answer(body: bytes = b"{}", status: str = "200 OK", more: str = "") -> bytes:
    """A whole HTTP answer; `more` are further header lines, each with its line end."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def polite(talk: Talk) -> None:
    """Answer every request with its own path."""
    for request in talk.requests():
        talk.say(answer(request.split(b" ", 2)[1]))
