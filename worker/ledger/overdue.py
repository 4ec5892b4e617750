"""Cutting connections to the ledger on which an answer is long overdue.

The server ends a statement that takes too long, and the kernel a connection whose host has vanished. But a server that
stands still ends nothing while its kernel goes on answering, nor does a firewall that answers for it; and a thread that
waits for the driver cannot be interrupted from outside. So one thread a process shuts down the socket under the driver,
which then tells the waiting thread that the connection is closed.
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
    """The waits of this process, each with its end; the thread runs while there are any, and a moment longer."""

    def __init__(self) -> None:
        self._waits: dict[int, tuple[float, Any]] = {}  # ticket → when it is overdue (monotonic), connection
        self._tickets = count()
        self._watch: threading.Thread | None = None

    def begin(self, connection: Any, seconds: float) -> int:
        """An answer is waited for, so long at most; returns a ticket for `end`."""
        ticket = next(self._tickets)
        self._waits[ticket] = time.monotonic() + seconds, connection
        if self._watch is None or not self._watch.is_alive():  # a fork leaves the thread behind
            self._start()
        return ticket

    def end(self, ticket: int) -> None:
        """It came, or an error."""
        self._waits.pop(ticket, None)

    def cut(self) -> int:
        """Cut what is overdue now; returns how many connections."""
        late = [(ticket, raw) for ticket, (end, raw) in self._waits.copy().items() if time.monotonic() > end]
        for ticket, _ in late:
            self.end(ticket)
        return sum(shut(raw) for _, raw in late)

    def forget(self) -> None:
        """Nobody waits here: we are a new process, and what waits is its parent's."""
        self._waits = {}

    def _start(self) -> None:
        self._watch = threading.Thread(target=self._look_round, name="overdue answers", daemon=True)
        self._watch.start()

    def _look_round(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            self.cut()


def shut(raw: Any) -> bool:
    """Shut the socket down under a driver that waits on it. It stays open, so its number means nothing else yet."""
    try:
        with socket.socket(fileno=os.dup(raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    except Exception:  # noqa: BLE001 (another driver, or a connection that has ended meanwhile: each says so its own way)
        return False
    return True


OVERDUE = Overdue()
os.register_at_fork(after_in_child=OVERDUE.forget)
