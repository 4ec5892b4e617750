"""How far a feed has been read: pure values, stored as JSON together with the notices that they led to.

While transactions are open, ids and change times become visible out of order. A skipped id is remembered and queried
again; a change time is read again for as long as a transaction may have been open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any, Self, TypeAlias

Clocked: TypeAlias = Mapping[int, datetime]  # ids, and since when (UTC) each is queried again


@dataclass(frozen=True, slots=True)
class IdPosition:
    """Read up to id `after`, except for `missing`: lower ids that were not there.

    `unsettled` are ids of rows that became visible before the change that they report; they are read again.
    """

    after: int
    missing: Clocked = field(default_factory=dict)
    unsettled: Clocked = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["after"], _clocked(stored["missing"]), _clocked(stored.get("unsettled", {})))

    def stored(self) -> dict[str, Any]:
        return {"after": self.after, "missing": _told(self.missing), "unsettled": _told(self.unsettled)}

    @property
    def again(self) -> list[int]:
        """The ids to query again."""
        return sorted({*self.missing, *self.unsettled})

    def advance(self, ids: Collection[int], now: datetime, *, patience: timedelta, room: int) -> tuple[Self, int]:
        """The position after a page with these ids, and how many missing ids were given up.

        A gap is given up if it stayed empty for `patience`, or if there are more than `room` gaps. Then the lowest ids
        are given up first, since a transaction that is still open took its id recently. So a sequence that jumped by
        millions costs `room` ids of memory, and is reported.
        """
        seen = set(ids)
        waiting = {gap: since for gap, since in self.missing.items() if gap not in seen}
        hopeful = {gap: since for gap, since in waiting.items() if now - since < patience}
        holes = list(_holes(self.after, seen))
        fresh = dict.fromkeys(islice(_newest_first(holes), room), now)
        kept = dict(sorted((hopeful | fresh).items())[-room:])
        given_up = len(waiting) + sum(len(hole) for hole in holes) - len(kept)
        return replace(self, after=max({self.after, *seen}), missing=kept), given_up

    def unsettle(self, ids: Collection[int], now: datetime, *, patience: timedelta, room: int) -> Self:
        """The position that reads these rows again until `patience` is over; at most the newest `room` of them."""
        since = {number: self.unsettled.get(number, now) for number in ids}
        kept = sorted(number for number, first in since.items() if now - first < patience)
        return replace(self, unsettled={number: since[number] for number in kept[-room:]} if room > 0 else {})


def _clocked(stored: Mapping[str, str]) -> dict[int, datetime]:
    return {int(number): datetime.fromisoformat(since) for number, since in stored.items()}


def _told(clocked: Clocked) -> dict[str, str]:
    return {str(number): since.isoformat() for number, since in clocked.items()}


def _holes(after: int, seen: Collection[int]) -> Iterator[range]:
    path = sorted({after, *(number for number in seen if number > after)})
    return (range(low + 1, high) for low, high in pairwise(path) if high - low > 1)


def _newest_first(holes: list[range]) -> Iterator[int]:
    for hole in reversed(holes):
        yield from reversed(hole)


TICK = timedelta(milliseconds=4)
"""A step to the next time of a source's clock; the coarsest clock known is SQL Server's `datetime` (3.33 ms)."""


@dataclass(frozen=True, slots=True)
class TimePosition:
    """Read up to the change time `at` (the source's clock); `moved` (UTC) is when it last moved.

    `page` is the position of a round that has not reached the end yet. `wide` means that more rows have that one change
    time than fit in a page.
    """

    at: datetime
    moved: datetime
    page: datetime | None = None
    wide: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        page = stored["page"]
        return cls(
            datetime.fromisoformat(stored["at"]),
            datetime.fromisoformat(stored["moved"]),
            datetime.fromisoformat(page) if page else None,
            stored["wide"],
        )

    def stored(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "moved": self.moved.isoformat(),
            "page": self.page.isoformat() if self.page else None,
            "wide": self.wide,
        }

    def start(self, polled_at: datetime, overlap: timedelta) -> datetime:
        """The time from which to read, inclusive. A new round goes back by `overlap`.

        Once a poll has come later than `overlap` after the last movement, nothing older can still appear. So in a quiet
        night the same bulk update is not reread every two seconds.
        """
        if self.page:
            return self.page
        return self.at + TICK if polled_at > self.moved + overlap else self.at - overlap

    def advance(
        self, times: Sequence[datetime], *, asked: datetime, full: bool, clock: datetime, now: datetime
    ) -> tuple[Self, bool]:
        """The position after a page of rows with these times, and whether a change time had to be skipped.

        `asked` is the time from which the page was read; `clock` is `now` as the source would write it. A page with a
        single change time is queried again with a wider limit; rows that still do not fit are left to the reconcile.
        A row from the future does not advance the position: all changes until then would be skipped.
        """
        at = max((moment for moment in times if moment <= clock), default=self.at)
        reached = type(self)(at, now) if at > self.at else type(self)(self.at, self.moved)
        if not full or not times:
            return reached, False
        if times[-1] > asked:
            return replace(reached, page=times[-1]), False
        if not self.wide:
            return replace(reached, page=asked, wide=True), False
        return replace(reached, page=asked + TICK), True
