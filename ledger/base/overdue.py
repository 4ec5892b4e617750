"""Cuts connections to the ledger whose answer is long overdue.

The server ends a slow statement, and the kernel ends a connection to a vanished host. But a hung server ends nothing
while its kernel still answers, nor does a firewall that answers for it; and a thread that waits in the driver cannot
be interrupted from outside. So one thread per process shuts down the socket under the driver, and the driver then
reports a closed connection to the waiting thread.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from itertools import count
from typing import Any

_LOOK_SECONDS = 1.0


class Overdue:
    """The pending waits of this process, each with its deadline; the first wait starts the thread, which never ends."""

    def __init__(self) -> None:
        self._waits: dict[int, tuple[float, Any]] = {}  # ticket → deadline (monotonic), connection
        self._tickets = count()
        self._watch: threading.Thread | None = None

    def begin(self, connection: Any, seconds: float) -> int:
        """Start a wait for an answer of at most `seconds`; returns a ticket for `end`."""
        ticket = next(self._tickets)
        self._waits[ticket] = time.monotonic() + seconds, connection
        if self._watch is None or not self._watch.is_alive():  # a fork does not copy the thread
            self._start()
        return ticket

    def end(self, ticket: int) -> None:
        """The answer came, or an error."""
        self._waits.pop(ticket, None)

    def cut(self) -> int:
        """Cut all overdue connections; returns how many."""
        late = [(ticket, raw) for ticket, (end, raw) in self._waits.copy().items() if time.monotonic() > end]
        for ticket, _ in late:
            self.end(ticket)
        return sum(shut(raw) for _, raw in late)

    def forget(self) -> None:
        """Drop all waits in a new child process: they belong to the parent."""
        self._waits = {}

    def _start(self) -> None:
        self._watch = threading.Thread(target=self._look_round, name="overdue answers", daemon=True)
        self._watch.start()

    def _look_round(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            self.cut()


def shut(raw: Any) -> bool:
    """Shut down the socket that a driver waits on. It stays open, so its descriptor is not reused yet."""
    try:
        with socket.socket(fileno=os.dup(raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    except Exception:  # noqa: BLE001 (another driver, or a connection that has ended meanwhile: each fails its own way)
        return False
    return True


OVERDUE = Overdue()
os.register_at_fork(after_in_child=OVERDUE.forget)
