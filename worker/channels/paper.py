"""Channel `paper`: appends each text to a file. The stub: for trying out, and for tests without a network."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from worker.channels.cargo import BatchGuard, Cargo, now_utc
from worker.channels.channel import Ready
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Outcome, Sent, TryLater
from worker.wire.protocol import Result


class Paper:
    """Writes texts to `<folder>/<oa>.txt`, one after the other, a blank line between."""

    name = "paper"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ready(self, oa: str) -> Ready:
        return Ready(self._folder / f"{oa}.txt")

    def refused_pass(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (paper refuses nothing)
        return ready

    def send(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        """All is done at once: nothing is left for the wire."""
        cargo = Cargo(self.name, guard=guard, read=_no_calls)
        for letter in letters:
            at, began = now_utc(), time.monotonic()
            kept = guard.mark([letter.notice.id])
            doubt = guard.doubt(letter.notice.id)
            outcome = doubt or (TryLater("not written") if kept else self._write(letter, Path(str(ready.pass_))))
            ms = round((time.monotonic() - began) * 1000)
            cargo.done.append(Attempt(letter.notice, self.name, at, outcome, ms, charged_on=letter.charged_on))
        return cargo

    def _write(self, letter: Letter, sheet: Path) -> Outcome:
        """The whole text or nothing of it: a disk that is full takes a part."""
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
