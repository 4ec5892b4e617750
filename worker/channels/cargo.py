"""Letters on their way, the same for every channel that speaks HTTP: law 3 is kept here, once.

Each letter is one call and no call is ever repeated; the batch's guard marks it before a byte of it may leave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from worker.domain.forms import FormError
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Outcome, Refused, Uncertain
from worker.ledger.sealing import SealError
from worker.wire.guard import Guard
from worker.wire.protocol import Call, NotSent, Result


class BatchGuard(Guard, Protocol):
    """The guard of a batch, which also knows why it kept a notice back."""

    def doubt(self, notice: int) -> Uncertain | None:
        """What to make of a notice that was kept back since it may have been sent before; None for any other."""


class Cargo:
    """Letters by one channel. `calls` are to be carried, each tagged with its notice's id; `done` needs no carrying.

    It is the guard of its calls: that of the batch, and a note of when each of them began.
    """

    def __init__(self, channel: str, *, guard: BatchGuard, read: Callable[[Result, datetime], Outcome]) -> None:
        self.channel = channel
        self.calls: list[Call] = []
        self.done: list[Attempt] = []
        self._guard = guard
        self.is_over = guard.is_over
        self._read = read
        self._letters: dict[int, Letter] = {}
        self._began: dict[int, datetime] = {}

    def load(self, letters: Iterable[Letter], call: Callable[[Letter], Call]) -> Cargo:
        """Make the calls. A letter of which none can be made is refused alone, not with its batch."""
        for letter in letters:
            try:
                self.calls.append(call(letter))
            except (FormError, SealError) as fault:
                refused, cost = Refused(str(fault)), letter.dong
                unsent = Attempt(letter.notice, self.channel, now_utc(), refused, 0, cost, charged_on=letter.charged_on)
                self.done.append(unsent)
            else:
                self._letters[letter.notice.id] = letter
        return self

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        """As a guard's. Raises whatever keeps all of them from leaving."""
        kept = self._guard.mark(tags)
        self._began.update(dict.fromkeys(tags, now_utc()))
        return kept

    def arrived(self, call: Call, result: Result) -> Attempt:
        """What came of a call."""
        letter, now = self._letters.pop(call.tag), now_utc()
        began = self._began.pop(call.tag, None)
        measured = None if isinstance(result, NotSent) else result
        return Attempt(
            notice=letter.notice,
            channel=self.channel,
            at=began or now,
            outcome=self._guard.doubt(call.tag) or self._read(result, now),
            ms=result.ms,
            dong=letter.dong,
            charged_on=letter.charged_on,
            connect_ms=measured.connect_ms if measured else None,
            first_byte_ms=measured.first_byte_ms if measured else None,
            unmarked=isinstance(result, NotSent) and began is None,
        )


def now_utc() -> datetime:
    """The host's clock, for the attempt's time; what is due and leased goes by the ledger's clock."""
    return datetime.now(UTC)
