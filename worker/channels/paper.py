"""Channel `paper`: appends each text to a file. The stub: for trying out, and for tests without a network."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from worker.channels.cargo import BatchGuard, Cargo, now_utc
from worker.channels.channel import Ready
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Outcome, Sent
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
        self._folder.mkdir(parents=True, exist_ok=True)
        for letter in letters:
            at, began = now_utc(), time.monotonic()
            kept = guard.mark([letter.notice.id])
            if not kept:
                with Path(str(ready.pass_)).open("a", encoding="utf-8") as sheet:
                    sheet.write(f"{letter.text}\n\n")
            outcome = guard.doubt(letter.notice.id) or Sent(f"paper-{letter.notice.id}")
            ms = round((time.monotonic() - began) * 1000)
            cargo.done.append(Attempt(letter.notice, self.name, at, outcome, ms, charged_on=letter.charged_on))
        return cargo


def _no_calls(result: Result, _now: datetime) -> Outcome:
    raise ValueError(f"paper makes no calls, and got {type(result).__name__}")
