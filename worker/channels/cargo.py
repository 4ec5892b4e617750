"""Turns letters into calls and results into attempts, for every HTTP channel; law 3 is enforced here, once.

Each letter is one call, and no call is ever repeated. The batch's guard marks it before any byte of it may leave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from domain.forms import FormError
from domain.notice import Attempt, Letter
from domain.outcome import Outcome, Refused, TryLater, Uncertain, Wait
from ledger.base.sealing import SealError
from worker.wire.guard import Guard
from worker.wire.protocol import INVALID, Call, NotSent, Result, Unknown

_HELD_BACK = 1.0  # seconds: short, since we held the call back ourselves and the server did not fail


class BatchGuard(Guard, Protocol):
    """The guard of a batch; it also knows why it kept a notice back."""

    def doubt(self, notice: int) -> Uncertain | None:
        """The outcome of a notice kept back because it may have been sent before; None for any other."""


class Cargo:
    """The letters of one channel. `calls` must be carried, each tagged with its notice's id; `done` needs no call.

    It is also the guard of its calls: it delegates to the batch's guard and records when each call began.
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
        """Make the calls. A letter for which no call can be made is refused alone; its batch continues."""
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
        """As `Guard.mark`. Passes on any error of the batch's guard, which keeps all of the calls from leaving."""
        kept = self._guard.mark(tags)
        self._began.update(dict.fromkeys(tags, now_utc()))
        return kept

    def arrived(self, call: Call, result: Result) -> Attempt:
        """The attempt that a call's result amounts to."""
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


def without_answer(result: NotSent | Unknown) -> Outcome:
    """The outcome of a call without an answer: only what certainly did not leave may be sent again (law 3)."""
    match result:
        case NotSent(why, held_back=True):
            return Wait(why, _HELD_BACK)
        case NotSent(why):
            return TryLater(why, unreached=why != INVALID)
        case Unknown(why):
            return Uncertain(why)


def now_utc() -> datetime:
    """The host's time, for the time of an attempt; due times and leases use the ledger's clock."""
    return datetime.now(UTC)
