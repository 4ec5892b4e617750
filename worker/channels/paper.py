"""Channel `paper`: appends each text to a file. A stub for trying out, and for tests without a network."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from domain.notice import Attempt, Letter
from domain.outcome import Outcome, Sent, TryLater
from worker.channels.cargo import BatchGuard, Cargo, now_utc
from worker.channels.channel import Ready
from worker.channels.row import ChannelRow
from worker.wire.protocol import Result


class Paper:
    """Appends texts to `<folder>/<oa>.txt`, separated by blank lines."""

    name = "paper"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ready(self, oa: str) -> Ready:
        return Ready(self._folder / f"{oa}.txt")

    def renew_access(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (paper refuses nothing)
        return ready

    def prepare(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        """Write all letters immediately: nothing is left for the wire."""
        cargo = Cargo(self.name, guard=guard, read=_no_calls)
        for letter in letters:
            at, began = now_utc(), time.monotonic()
            kept = guard.mark([letter.notice.id])
            doubt = guard.doubt(letter.notice.id)
            outcome = doubt or (TryLater("not written") if kept else self._write(letter, Path(str(ready.access))))
            ms = round((time.monotonic() - began) * 1000)
            cargo.done.append(Attempt(letter.notice, self.name, at, outcome, ms, charged_on=letter.charged_on))
        return cargo

    def _write(self, letter: Letter, sheet: Path) -> Outcome:
        """Write the whole text or nothing: a full disk may accept a part of it, which is truncated again."""
        text = f"{letter.text}\n\n".encode()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with sheet.open("ab", buffering=0) as file:
                begin = file.tell()
                if file.write(text) != len(text):
                    file.truncate(begin)
                    return TryLater("no room on the disk")
        except OSError as fault:
            return TryLater(f"the sheet cannot be written: {errno.errorcode.get(fault.errno or 0, 'OSError')}")
        return Sent(f"paper-{letter.notice.id}")


def _no_calls(result: Result, _now: datetime) -> Outcome:
    raise ValueError(f"paper makes no calls, and got {type(result).__name__}")


ROW = ChannelRow("paper", lambda means: Paper(means.paper_folder), conditions=())
