"""TLS in front of a server that has none: what comes in is handed on in plain, and back."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_AT_ONCE = 65536


class _Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Hand)
        self.context = context
        self.behind = behind


class _Hand(socketserver.BaseRequestHandler):
    server: _Front

    def handle(self) -> None:
        with (
            suppress(OSError),  # a client that does not trust us is gone in the middle of the handshake
            self.server.context.wrap_socket(self.request, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", self.server.behind)) as inside,
        ):
            threading.Thread(target=_carry, args=(inside, outside), daemon=True).start()
            _carry(outside, inside)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while block := source.recv(_AT_ONCE):
            target.sendall(block)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_front(context: ssl.SSLContext, behind: int) -> Iterator[int]:
    """The port of a front for the server on port `behind`."""
    with _Front(context, behind) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(front.server_address[1])
        finally:
            front.shutdown()
            thread.join()
