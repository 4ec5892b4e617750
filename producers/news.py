"""News of the units' results for staff who asked for it: each day, week or month, what the roll-ups say (R32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, Engine

from domain.clock import VIETNAM, to_vietnam
from domain.news import Rhythm, is_told_now, newest_period
from domain.story import Digest
from ledger.base import units
from ledger.people import staff
from ledger.reports import tally_rounds
from ledger.reports.statistics import ReportPeriod
from ledger.source import cursors
from producers.digest import digest_key, digest_of, tell


@dataclass(frozen=True, slots=True)
class UnitNews:
    """The news of a unit for the days from `first` to `last`: for whom, and who of them was not told of it yet."""

    unit: str
    rhythm: Rhythm
    first: date
    last: date
    followers: Sequence[int]
    untold: Sequence[int]

    @property
    def period(self) -> ReportPeriod:
        """The same days as reports count them."""
        end = self.last + timedelta(days=1)
        since, until = (datetime.combine(day, time.min, VIETNAM) for day in (self.first, end))
        return ReportPeriod(since, until, self.unit)


def tell_news(ledger: Engine, oa: str, now: datetime) -> int:
    """Record the news that are due; returns how many people get some. Nothing outside of working hours."""
    if not is_told_now(now):
        return 0
    with ledger.connect() as connection:
        due = [one for one in newest_news(connection, oa, now) if one.untold]
    told = 0
    for one in due:
        tally_rounds.bring_up(ledger, *one.period.days)
        with ledger.begin() as tx:
            told += tell(tx, oa, numbers(tx, oa, one), one.untold)
    return told


def newest_news(tx: Connection, oa: str, now: datetime) -> list[UnitNews]:
    """By unit and rhythm what staff hear of the newest period that is over."""
    today = to_vietnam(now).date()
    wanted = [
        (unit, rhythm, *newest_period(rhythm, today), followers)
        for (unit, rhythm), followers in _who_asked(tx, oa, today).items()
    ]
    keys = [digest_key(one, unit, first, last) for unit, _, first, last, followers in wanted for one in followers]
    untold = cursors.untold(tx, oa, keys)
    return [
        UnitNews(
            *(unit, rhythm, first, last, followers),
            [one for one in followers if digest_key(one, unit, first, last) in untold],
        )
        for unit, rhythm, first, last, followers in wanted
    ]


def numbers(tx: Connection, oa: str, news: UnitNews) -> Digest:
    """What the roll-ups say of it now."""
    return digest_of(tx, oa, news.period, news.unit)


def _who_asked(tx: Connection, oa: str, today: date) -> dict[tuple[str, Rhythm], list[int]]:
    """By unit of today and rhythm: those of a merged unit hear its successor's numbers."""
    asked = staff.who_asked(tx, oa)
    if not asked:
        return {}
    tree = units.tree(tx, oa)
    found: dict[tuple[str, Rhythm], set[int]] = {}
    for (granted, rhythm), followers in asked.items():
        found.setdefault((tree.now(granted, today), rhythm), set()).update(followers)
    return {key: sorted(followers) for key, followers in sorted(found.items())}
