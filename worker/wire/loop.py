"""libcurl's multi interface on the system's own event queue: hundreds of transfers, no thread, no busy waiting.

libcurl says which sockets it waits for and when it wants to be called again; we wait for both at once. (Its own
`select` knows 1,024 file numbers only.) Source: curl.se, "curl_multi_socket_action".
"""

from __future__ import annotations

import select
import selectors
import socket
from contextlib import suppress
from time import monotonic

import pycurl

_HUNG_UP = getattr(select, "POLLRDHUP", 0)  # where there is none, a full hang-up is told unasked
_KEPT_SECONDS = 110.0  # libcurl puts nothing on a connection that rested for 118 s
_ALL = 4096  # bytes: more rings than fit into one look
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
    """Carries transfers; keeps up to `connections` alive between them."""

    def __init__(self, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}  # file number → events; also of sockets that rest between two transfers
        self._resting: dict[int, float] = {}  # file number → since when, monotonic
        self._host: dict[int, str] = {}  # file number → whose; libcurl has sockets of its own as well
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
        """Begin a transfer; it moves whenever `go` or `turn` is called."""
        self._multi.add_handle(transfer)

    def go(self) -> None:
        """Let go what has just begun: on a kept connection its request leaves now."""
        self._call_again_at = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def turn(self, seconds: float) -> list[tuple[pycurl.Curl, int]]:
        """Let transfers move, waiting at most so long for one that can; gives those that ended, with libcurl's code."""
        now, ended = monotonic(), self._ended()  # a far side that is near answers while `go` is still at it
        if ended:
            seconds = 0.0
        elif self._call_again_at is not None:
            seconds = min(seconds, max(0.0, self._call_again_at - now))
        for key, events in self._selector.select(seconds):
            if key.fd in self._resting:  # the far side closed it, or says something unasked: libcurl finds out itself
                self._forget(key.fd)
            elif key.fileobj is self._ear:
                self._ear.recv(_ALL)
            else:
                self._multi.socket_action(key.fd, _ACTIONS[events])
        if self._call_again_at is not None and self._call_again_at <= monotonic():
            self.go()
        return ended + self._ended()

    def wake(self) -> None:
        """End the waiting of `turn`; may be called by any thread."""
        with suppress(BlockingIOError):  # rung often enough
            self._bell.send(b"!")

    def hung_up(self) -> bool:
        """Whether the far side has closed a connection that is still kept: the next transfer should not be put on it.

        libcurl looks for such only once a second, and a body that left on one is lost in doubt.
        """
        events = self._open.poll(0)
        for number, event in events:
            if event & select.POLLNVAL:  # closed by libcurl meanwhile
                self._open.unregister(number)
                self._resting.pop(number, None)
        return any(not event & select.POLLNVAL for _, event in events)

    def kept(self, host: str) -> int:
        """How many connections to this host wait for a transfer (after `hung_up`: and are open)."""
        oldest = monotonic() - _KEPT_SECONDS
        return sum(since > oldest and self._host.get(number) == host for number, since in self._resting.items())

    def opened(self, number: int, host: str) -> None:
        """To be told of every socket that libcurl opens (its SOCKOPTFUNCTION)."""
        if number in self._watched:  # of a socket that is closed: its number is given out again
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
        """A socket that rests stays watched: the next transfer on it will want the same, and each change costs."""
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
