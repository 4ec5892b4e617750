"""Letters on their way, the same for every channel that speaks HTTP: law 3 is kept here, once.

Each letter is one call and no call is ever repeated; `leaving` is told before a byte of one may leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from worker.domain.forms import FormError
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Outcome, Refused
from worker.ledger.sealing import SealError
from worker.wire.protocol import Call, Leaving, NotSent, Result


class Cargo:
    """Letters by one channel. `calls` are to be carried, each tagged with its notice's id; `done` needs no carrying."""

    def __init__(self, channel: str, *, mark: Leaving, read: Callable[[Result, datetime], Outcome]) -> None:
        self.channel = channel
        self.calls: list[Call] = []
        self.done: list[Attempt] = []
        self._mark = mark
        self._read = read
        self._letters: dict[int, Letter] = {}
        self._began: dict[int, datetime] = {}

    def load(self, letters: Iterable[Letter], call: Callable[[Letter], Call]) -> Cargo:
        """Make the calls. A letter of which none can be made is refused alone, not with its batch."""
        for letter in letters:
            try:
                self.calls.append(call(letter))
            except (FormError, SealError) as fault:
                self.done.append(Attempt(letter.notice, self.channel, now_utc(), Refused(str(fault)), 0, letter.dong))
            else:
                self._letters[letter.notice.id] = letter
        return self

    def leaving(self, tags: Sequence[int]) -> None:
        """To be told just before bytes of these may leave. Raises whatever keeps them from it."""
        self._mark(tags)
        self._began.update(dict.fromkeys(tags, now_utc()))

    def arrived(self, call: Call, result: Result) -> Attempt:
        """What came of a call."""
        letter, now = self._letters.pop(call.tag), now_utc()
        return Attempt(
            notice=letter.notice,
            channel=self.channel,
            at=self._began.pop(call.tag, now),
            outcome=self._read(result, now),
            ms=result.ms,
            dong=letter.dong,
            connect_ms=None if isinstance(result, NotSent) else result.connect_ms,
            first_byte_ms=None if isinstance(result, NotSent) else result.first_byte_ms,
        )


def now_utc() -> datetime:
    """The host's clock, for the attempt's time; what is due and leased goes by the ledger's clock."""
    return datetime.now(UTC)
