"""Forwards one TCP address of this machine to a server that can be changed, and can fall silent.

Between `silence` and `speak` nothing passes in either direction, nothing is refused and nothing is reset. Bytes are
held, and leave afterwards when a kernel would retransmit them (held.py). New connections hang: the backlog of the
listening socket is full, so their first packets are dropped. A connection that is closed in order (FIN) during the
silence still delivers its bytes; one that is reset does not.

A thread of this process does the work. A reset of one end resets the other end, and closing one end for writing
closes the other for writing: both sides see the same as without a forwarder.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sandbox.network.held import TRIES_OF_AN_ORPHAN, next_try
from sandbox.network.resets import LINGER_ZERO, reset

HOST = "127.0.0.1"
BACKLOG = 4096
FILLED_SECONDS = 0.05  # a connect that takes longer hangs: the backlog is full
PATIENCE_SECONDS = 10.0


class Forwarder:
    """Listens on a free port of 127.0.0.1 and forwards to the port `target` there. Use it in a `with`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._silent = False
        self._pairs: set[tuple[_End, _End]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.socket()
        self._listener.setblocking(False)
        self._listener.bind((HOST, 0))
        self._listener.listen(BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"forwarder {self.port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._in_its_thread(self._open_gate)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    def lead_to(self, target: int) -> None:
        """Forward new connections to this port; existing ones keep their server."""
        self._target = target

    def cut(self) -> None:
        """Reset all connections on both sides, as if the host behind the address were gone and another had taken it."""
        self._in_its_thread(self._reset_all)

    def silence(self) -> None:
        """Let nothing pass from now on."""
        self._in_its_thread(self._shut_gate)

    def speak(self) -> None:
        """Let everything pass again; held bytes leave when a kernel would retransmit them."""
        self._in_its_thread(self._open_gate)

    def _in_its_thread(self, deed: Callable[[], None]) -> None:
        async def done() -> None:
            deed()

        self._wait_for(done())

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _close(self) -> None:
        self._loop.remove_reader(self._listener)
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open_gate(self) -> None:
        self._silent = False
        self._listener.listen(BACKLOG)
        self._loop.add_reader(self._listener, self._accept)
        for pair in list(self._pairs):
            for end in pair:
                end.speak()

    def _shut_gate(self) -> None:
        self._accept()  # connections that are already established
        self._silent = True
        self._loop.remove_reader(self._listener)
        self._listener.listen(0)
        while _connects(self.port):
            pass

    def _accept(self) -> None:
        """Accept all waiting connections; drop those that were reset meanwhile, with their bytes."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                connection.close()
                continue
            connection.setblocking(False)
            task = self._loop.create_task(self._join(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _join(self, connection: socket.socket) -> None:
        """Connect to the server and join both ends; reset the client if the server cannot be reached."""
        near, far = _End(self), _End(self)
        near.other, far.other = far, near
        await self._loop.connect_accepted_socket(lambda: near, connection)
        try:
            await self._loop.create_connection(lambda: far, HOST, self._target)
        except OSError:
            near.reset()
            return
        if not near.stands:  # it was reset meanwhile
            far.reset()
            return
        self._pairs.add((near, far))
        for end in (near, far):
            end.transport.resume_reading()

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            for end in pair:
                end.reset()

    @property
    def is_silent(self) -> bool:
        return self._silent

    def call_at(self, moment: float, deed: Callable[[], None]) -> None:
        """Run `deed` in the forwarder's thread, at a time of its loop's clock."""
        self._loop.call_at(moment, deed)

    def now(self) -> float:
        return self._loop.time()

    def forget(self, *ends: "_End") -> None:
        """Forget a connection that has ended at both ends."""
        self._pairs -= {(ends[0], ends[1]), (ends[1], ends[0])}


class _End(asyncio.Protocol):
    """One end of a connection: passes received bytes to `other`, at once or after the silence."""

    other: "_End"
    transport: asyncio.Transport

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder
        self._held: list[bytes] = []
        self._held_since: float | None = None  # also if only the end of the stream is held
        self._ended = False  # closed for writing, in order
        self.passed_end = False
        self.stands = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pause reading until the other end is connected, too."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what asyncio makes of a stream socket)
        self.transport, self.stands = transport, True
        transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self._must_hold():
            self._held.append(data)
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        if not self._must_hold():
            self._pass_end()
        return True  # keep it open for writing

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's; after RST it may be None, too)
        """The connection ended: by RST, which discards held bytes, or in order after both ends have closed."""
        self.stands = False
        self._held, self._held_since = [], None
        if not self.other.stands:
            self._forwarder.forget(self, self.other)
        elif not self._forwarder.is_silent and not (self.passed_end and self.other.passed_end):
            self.other.reset()

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def reset(self) -> None:
        """Close it with RST."""
        if self.stands:
            reset(self.transport)

    def speak(self) -> None:
        """End the silence: release held bytes when a kernel would retransmit them, or pass on that this end is gone."""
        if not self.stands:
            self.other.reset()
        elif self._held_since is not None:
            moment, tries = next_try(self._held_since, self._forwarder.now())
            given_up = self._ended and tries > TRIES_OF_AN_ORPHAN
            self._forwarder.call_at(moment, self.reset if given_up else self._release)

    def _must_hold(self) -> bool:
        """Whether bytes must be held now; bytes that follow held ones must wait behind them."""
        if self._forwarder.is_silent and self._held_since is None:
            self._held_since = self._forwarder.now()
        return self._held_since is not None

    def _release(self) -> None:
        if self._forwarder.is_silent or not (self.stands and self.other.stands):
            return
        self.other.transport.write(b"".join(self._held))
        self._held, self._held_since = [], None
        if self._ended:
            self._pass_end()

    def _pass_end(self) -> None:
        """Close the other end for writing; after both ends have done so, close the connection."""
        self.passed_end = True
        if self.other.passed_end:
            self.transport.close()
            self.other.transport.close()
        else:
            with suppress(OSError):  # reset by a server that has died; its transport does not know yet
                self.other.transport.write_eof()


def _connects(port: int) -> bool:
    """Take a place in the backlog of a listening socket, then leave with RST; False if the backlog is full."""
    with socket.socket() as filler:
        filler.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        filler.settimeout(FILLED_SECONDS)
        try:
            filler.connect((HOST, port))
        except TimeoutError:
            return False
        return True
