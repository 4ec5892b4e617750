"""Our Celery app, a process of which stands still at a named instant: `celery -A tests.chaos.pausing`.

The folder HCC_CHAOS_PAUSES holds a file for each pause that is wanted, named by its instant. The first process that
comes to it takes it (the file then bears its process id, too) and stops with all its threads, as by a paused machine.

Where the instants are: libcurl's own callbacks, whatever ours are called, and `Marks.leave`, which writes the marks.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pycurl

from coordination.marks import Marks, Witness
from tests.chaos.instants import CLAIMED, CONNECTED, CONNECTING, MARKED, SENT
from worker.app import app

__all__ = ["app"]

_FOLDER = Path(os.environ["HCC_CHAOS_PAUSES"])
_AFTER = {pycurl.SOCKOPTFUNCTION: CONNECTING, pycurl.OPENSOCKETFUNCTION: CONNECTING, pycurl.PREREQFUNCTION: CONNECTED}
_BEFORE = {pycurl.HEADERFUNCTION: SENT}

_asked: list[
    int
] = []  # libcurl's questions that are being answered: where a connection stands the mark is written then


def stand_still(instant: str) -> None:
    """Stop here, if somebody wants that and nobody else was faster."""
    with suppress(FileNotFoundError):
        (_FOLDER / instant).rename(_FOLDER / f"{instant}.{os.getpid()}")
        # To this very thread: told to the process, another one may hear it first, and this one goes on for a moment.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class PausingCurl(pycurl.Curl):
    """A handle whose callbacks are the instants."""

    def setopt(self, option: int, value: Any, **more: Any) -> None:
        if option in _AFTER or option in _BEFORE:
            value = _paused(option, value)
        super().setopt(option, value, **more)


def _paused(option: int, callback: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        if option in _BEFORE:
            stand_still(_BEFORE[option])
        _asked.append(option)
        try:
            answer = callback(*arguments)
        finally:
            _asked.pop()
        if option in _AFTER:
            stand_still(_AFTER[option])
        return answer

    return called


_leave = Marks.leave


def _leave_with_pauses(self: Marks, lease: str, epoch: str, departures: Iterable[str]) -> dict[int, Witness]:
    stand_still(CLAIMED)
    forgotten = _leave(self, lease, epoch, departures)
    if not _asked:
        stand_still(MARKED)
    return forgotten


pycurl.Curl = PausingCurl  # type: ignore[misc]  # the class itself is replaced: that is the point
Marks.leave = _leave_with_pauses  # type: ignore[method-assign]  # as above
