"""Channel `paper`: appends each text to a file. The stub: for trying out, and for tests without a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from worker.channels.channel import Ready, now_utc
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Sent


class Paper:
    """Writes texts to `<folder>/<oa>.txt`, one after the other, a blank line between."""

    name = "paper"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ready(self, oa: str) -> Ready:
        return Ready(self._folder / f"{oa}.txt")

    def refused_pass(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (paper refuses nothing)
        return ready

    def send(
        self, letters: Iterable[Letter], ready: Ready, *, leaving: Callable[[Sequence[int]], None]
    ) -> Iterator[Attempt]:
        self._folder.mkdir(parents=True, exist_ok=True)
        for letter in letters:
            at, began = now_utc(), time.monotonic()
            leaving([letter.notice.id])
            with Path(str(ready.pass_)).open("a", encoding="utf-8") as sheet:
                sheet.write(f"{letter.text}\n\n")
            ms = round((time.monotonic() - began) * 1000)
            yield Attempt(letter.notice, self.name, at, Sent(f"paper-{letter.notice.id}"), ms)
