"""Measures the limit: libcurl's multi interface in a loop that does nothing else. No ledger, queue or text rendering.

    python -m benchmarks.rivals.raw_curl URL NUMBER CONNECTIONS [FIRST]

It sends NUMBER texts over CONNECTIONS connections, each as soon as a connection is free. It prints the times of the
first send and of the last answer (seconds since 1970).
"""

from __future__ import annotations

import json
import select
import sys
import time
from typing import Any

import pycurl

from benchmarks.rivals.plan import HEADERS, body_of

_HEADERS = [*(f"{name}: {value}" for name, value in HEADERS.items()), "Expect:"]


class Sender:
    """`connections` easy handles on one multi handle, driven by the system's event queue."""

    def __init__(self, url: str, connections: int) -> None:
        self._events = select.epoll()
        self._wait = -1.0  # seconds until libcurl wants to be called; negative: it sets no timer
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._free = [self._handle(url) for _ in range(connections)]

    def send(self, first: int, number: int) -> None:
        """Send `number` texts. Raises `SystemExit` if one is not accepted."""
        coming, flying = iter(range(first, first + number)), 0
        while True:
            while self._free and (one := next(coming, None)) is not None:
                handle = self._free.pop()
                handle.setopt(pycurl.POSTFIELDS, body_of(one))
                self._multi.add_handle(handle)
                flying += 1
            if not flying:
                return
            flying -= self._turn()

    def _turn(self) -> int:
        """Advance the transfers and free the handles of completed ones; returns how many completed."""
        for fd, event in self._events.poll(self._wait if self._wait >= 0 else None):
            bits = (pycurl.CSELECT_IN if event & ~select.EPOLLOUT else 0) | (
                pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
            )
            self._multi.socket_action(fd, bits)
        if self._wait == 0.0:
            self._wait = -1.0
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        _, well, ill = self._multi.info_read(1000)
        if ill:
            raise SystemExit(f"libcurl: {ill[0][2]}")
        for handle in well:
            self._multi.remove_handle(handle)
            self._free.append(handle)
        return len(well)

    def _watch(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._events.unregister(fd)
            return
        mask = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (select.EPOLLOUT if what & pycurl.POLL_OUT else 0)
        try:
            self._events.modify(fd, mask)
        except FileNotFoundError:
            self._events.register(fd, mask)

    def _set_timer(self, ms: int) -> None:
        self._wait = ms / 1000 if ms >= 0 else -1.0

    def _handle(self, url: str) -> pycurl.Curl:
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.HTTPHEADER, _HEADERS)
        handle.setopt(pycurl.TIMEOUT, 10)
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.WRITEFUNCTION, _read)
        return handle


def _read(answer: bytes) -> None:
    """Check an answer, the minimum for any sender. Raises `ValueError` if it is no success."""
    if json.loads(answer)["error"] != 0:
        raise ValueError(answer)


def main(url: str, number: str, connections: str, first: str = "0") -> None:
    sender = Sender(url, int(connections))
    began = time.time()
    sender.send(int(first), int(number))
    print(json.dumps({"began": began, "ended": time.time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
