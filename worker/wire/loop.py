"""Event loop for libcurl's multi interface: hundreds of transfers without threads or busy waiting.

libcurl reports the sockets that it waits for and when it must be called again. The loop waits for both on the system's
event queue, because libcurl's own `select` is limited to 1,024 file descriptors.
Source: curl.se, "curl_multi_socket_action".
"""

from __future__ import annotations

import select
import selectors
import socket
from contextlib import suppress
from time import monotonic

import pycurl

_HUNG_UP = getattr(select, "POLLRDHUP", 0)  # where it is missing, poll still reports a full hang-up (POLLHUP)
_KEPT_SECONDS = 110.0  # libcurl does not reuse a connection that was idle for 118 s
_ALL = 4096  # bytes: more than the wake-ups that can accumulate before one read
_EVENTS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}
_ACTIONS = {
    selectors.EVENT_READ: pycurl.CSELECT_IN,
    selectors.EVENT_WRITE: pycurl.CSELECT_OUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class Loop:
    """Runs transfers; keeps up to `connections` connections alive between them."""

    def __init__(self, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}  # file descriptor → events; includes sockets idle between transfers
        self._resting: dict[int, float] = {}  # file descriptor → idle since (monotonic)
        self._host: dict[int, str] = {}  # file descriptor → its host; libcurl also has internal sockets
        self._open = select.poll()
        self._call_again_at: float | None = None  # monotonic
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._bell, self._ear = socket.socketpair()
        for end in (self._bell, self._ear):
            end.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)

    def add(self, transfer: pycurl.Curl) -> None:
        """Add a transfer; it makes progress whenever `go` or `turn` is called."""
        self._multi.add_handle(transfer)

    def go(self) -> None:
        """Start the transfers just added: on a kept-alive connection the request leaves now."""
        self._call_again_at = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def turn(self, seconds: float) -> list[tuple[pycurl.Curl, int]]:
        """Drive the transfers, waiting at most `seconds` for a ready one; return the completed, with libcurl's code."""
        now, ended = monotonic(), self._ended()  # a nearby server can respond while `go` is still running
        if ended:
            seconds = 0.0
        elif self._call_again_at is not None:
            seconds = min(seconds, max(0.0, self._call_again_at - now))
        for key, events in self._selector.select(seconds):
            if key.fd in self._resting:  # closed by the server, or unsolicited data: libcurl detects it itself
                self._forget(key.fd)
            elif key.fileobj is self._ear:
                self._ear.recv(_ALL)
            else:
                self._multi.socket_action(key.fd, _ACTIONS[events])
        if self._call_again_at is not None and self._call_again_at <= monotonic():
            self.go()
        return ended + self._ended()

    def wake(self) -> None:
        """Make a waiting `turn` return; thread-safe."""
        with suppress(BlockingIOError):  # the buffer is full: a wake-up is pending anyway
            self._bell.send(b"!")

    def hung_up(self) -> bool:
        """Whether the server has closed a kept-alive connection: the next transfer should not use it.

        libcurl checks for closed connections only once a second. A body sent on one leaves its call in doubt.
        """
        events = self._open.poll(0)
        for number, event in events:
            if event & select.POLLNVAL:  # libcurl has closed it meanwhile
                self._open.unregister(number)
                self._resting.pop(number, None)
        return any(not event & select.POLLNVAL for _, event in events)

    def kept(self, host: str) -> int:
        """How many connections to this host are idle; after `hung_up` only those still open are counted."""
        oldest = monotonic() - _KEPT_SECONDS
        return sum(since > oldest and self._host.get(number) == host for number, since in self._resting.items())

    def opened(self, number: int, host: str) -> None:
        """Register a socket that libcurl opens (called from its SOCKOPTFUNCTION)."""
        if number in self._watched:  # the old socket was closed and its file descriptor is reused
            self._forget(number)
        self._host[number] = host
        self._open.register(number, _HUNG_UP)

    def close(self) -> None:
        """Close every connection."""
        self._multi.close()
        self._selector.close()
        self._bell.close()
        self._ear.close()

    def _ended(self) -> list[tuple[pycurl.Curl, int]]:
        ended: list[tuple[pycurl.Curl, int]] = []
        left = 1
        while left:
            left, well, badly = self._multi.info_read()
            ended += [(each, pycurl.E_OK) for each in well]
            ended += [(each, code) for each, code, _ in badly]
        for each, _ in ended:
            self._multi.remove_handle(each)
        return ended

    def _watch(self, what: int, number: int, _multi: object, _data: object) -> None:
        """Keep idle sockets registered: the next transfer needs the same events, and each change costs time."""
        events = _EVENTS.get(what)
        if events is None:
            self._resting[number] = monotonic()
            return
        self._resting.pop(number, None)
        before = self._watched.get(number)
        if before is None:
            self._selector.register(number, events)
        elif before != events:
            self._selector.modify(number, events)
        self._watched[number] = events

    def _forget(self, number: int) -> None:
        self._selector.unregister(number)
        del self._watched[number]
        self._resting.pop(number, None)
        self._host.pop(number, None)

    def _set_timer(self, milliseconds: int) -> None:
        self._call_again_at = None if milliseconds < 0 else monotonic() + milliseconds / 1000
