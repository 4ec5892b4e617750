"""Carrying letters over the wire, the same for every channel that speaks HTTP: law 3 is kept here, once.

`leaving` is told before a byte of a letter may leave; each letter is one call and no call is ever repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from worker.channels.channel import now_utc
from worker.domain.forms import FormError
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Outcome, Refused
from worker.ledger.sealing import SealError
from worker.wire.protocol import Call, Result, Wire


def carry(
    wire: Wire,
    channel: str,
    letters: Iterable[Letter],
    *,
    call: Callable[[Letter], Call],
    read: Callable[[Result, datetime], Outcome],
    leaving: Callable[[Sequence[int]], None],
) -> Iterator[Attempt]:
    """One call a letter, tagged with its notice's id; attempts come as the answers do.

    A letter of which no call can be made is refused alone, not with its batch.
    """
    sending = {letter.notice.id: letter for letter in letters}
    began: dict[int, datetime] = {}
    unmade: list[Attempt] = []

    def calls() -> Iterator[Call]:
        for letter in sending.values():
            try:
                yield call(letter)
            except (FormError, SealError) as fault:
                unmade.append(Attempt(letter.notice, channel, now_utc(), Refused(str(fault)), 0, letter.dong))

    def note(tags: Sequence[int]) -> None:
        leaving(tags)
        began.update(dict.fromkeys(tags, now_utc()))

    for made, result in wire.exchange(calls(), leaving=note):
        now = now_utc()
        letter = sending[made.tag]
        yield Attempt(
            notice=letter.notice,
            channel=channel,
            at=began.get(made.tag, now),
            outcome=read(result, now),
            ms=result.ms,
            dong=letter.dong,
        )
    yield from unmade
