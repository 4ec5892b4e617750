"""How far a feed was read: pure values that are stored as JSON with the notices they led to.

Ids become visible out of order while transactions are open, and change times with them. An id that was jumped
over is remembered and asked for again; a time is read again for as long as a transaction may have been open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class IdPosition:
    """Read up to id `after`, but for `missing`: ids below it that were not there, and since when (UTC)."""

    after: int
    missing: Mapping[int, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        missing = {int(gap): datetime.fromisoformat(since) for gap, since in stored["missing"].items()}
        return cls(stored["after"], missing)

    def stored(self) -> dict[str, Any]:
        missing = {str(gap): since.isoformat() for gap, since in self.missing.items()}
        return {"after": self.after, "missing": missing}

    def advance(self, ids: Collection[int], now: datetime, *, patience: timedelta, room: int) -> tuple[Self, int]:
        """The position after a page with these ids, and how many missing ids were given up.

        A gap is given up when it stayed empty for `patience`, or when there are more than `room`: then the lowest
        ids go first, since a transaction that is still open took its id lately. So a sequence that jumped by
        millions costs `room` ids of memory, and is told.
        """
        seen = set(ids)
        waiting = {gap: since for gap, since in self.missing.items() if gap not in seen}
        hopeful = {gap: since for gap, since in waiting.items() if now - since < patience}
        holes = list(_holes(self.after, seen))
        fresh = dict.fromkeys(islice(_newest_first(holes), room), now)
        kept = dict(sorted((hopeful | fresh).items())[-room:])
        given_up = len(waiting) + sum(len(hole) for hole in holes) - len(kept)
        return type(self)(max({self.after, *seen}), kept), given_up


def _holes(after: int, seen: Collection[int]) -> Iterator[range]:
    path = sorted({after, *(number for number in seen if number > after)})
    return (range(low + 1, high) for low, high in pairwise(path) if high - low > 1)


def _newest_first(holes: list[range]) -> Iterator[int]:
    for hole in reversed(holes):
        yield from reversed(hole)


@dataclass(frozen=True, slots=True)
class TimePosition:
    """Read up to the change time `at` (the source's clock) and, of that time, up to id `id`.

    `moved` (UTC) is when `at` last moved. `page` is where a round stands that has not come to the end yet.
    """

    at: datetime
    id: int
    moved: datetime
    page: tuple[datetime, int] | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        page = stored["page"]
        return cls(
            datetime.fromisoformat(stored["at"]),
            stored["id"],
            datetime.fromisoformat(stored["moved"]),
            (datetime.fromisoformat(page[0]), page[1]) if page else None,
        )

    def stored(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "id": self.id,
            "moved": self.moved.isoformat(),
            "page": [self.page[0].isoformat(), self.page[1]] if self.page else None,
        }

    def start(self, polled_at: datetime, overlap: timedelta) -> tuple[datetime, int]:
        """After which (time, id) to read on. A new round goes back by `overlap`.

        Once a poll has come later than `overlap` after the last movement, nothing older can still appear, and a
        quiet night does not read the same bulk update again every two seconds.
        """
        if self.page:
            return self.page
        return (self.at, self.id) if polled_at > self.moved + overlap else (self.at - overlap, 0)

    def advance(self, last: tuple[datetime, int] | None, *, full: bool, clock: datetime, now: datetime) -> Self:
        """The position after a page whose last row is at `last`; `clock` is `now` as the source would write it.

        A row from the future does not take the position with it: all that is changed until then would be skipped.
        """
        if last is None:
            return type(self)(self.at, self.id, self.moved)
        reached = last if last[0] <= clock else (clock, 0)
        if reached <= (self.at, self.id):
            return type(self)(self.at, self.id, self.moved, last if full else None)
        return type(self)(*reached, now, last if full else None)
