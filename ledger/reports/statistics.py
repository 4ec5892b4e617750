"""Counts by day, unit and kind from the roll-ups, and the phones that staff should check.

No personal data except masked numbers. The roll-ups are of the last recount (`ledger.reports.tally_rounds`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from domain.clock import VIETNAM, to_vietnam
from domain.kinds import RANK
from domain.tally_causes import BAD_PHONE
from domain.units import UnitTree
from ledger.base import units
from ledger.base.streaming import streamed
from ledger.base.units import OF_UNITS
from ledger.reports.day_units import by_day_and_unit
from ledger.reports.tallies import TALK


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """Notices recorded from `since` to before `until`, whole days of Vietnam's calendar.

    `unit`: of this unit, its sub-units and all their predecessors, None for all. `folded`: what was recorded for a
    merged unit counts for its successor.
    """

    since: datetime
    until: datetime
    unit: str | None = None
    folded: bool = True

    @property
    def days(self) -> tuple[date, date]:
        """The first day, and the day after the last."""
        return to_vietnam(self.since).date(), to_vietnam(self.until - timedelta(microseconds=1)).date() + timedelta(1)


COUNTS = ("events", "sent", "not_follower", "bad_phone", "failed", "not_needed", "pending", "quarantined")

# Every notice counts as `events` and in exactly one other column.
_COUNTS = f"""
    sum(number) AS events,
    coalesce(sum(number) FILTER (WHERE state IN ('sent', 'delivered', 'seen')), 0) AS sent,
    coalesce(sum(number) FILTER (
        WHERE state = 'unreachable' AND cause IS DISTINCT FROM '{BAD_PHONE}'), 0) AS not_follower,
    coalesce(sum(number) FILTER (WHERE state = 'unreachable' AND cause = '{BAD_PHONE}'), 0) AS bad_phone,
    coalesce(sum(number) FILTER (WHERE state IN ('dead', 'expired', 'discarded')), 0) AS failed,
    coalesce(sum(number) FILTER (WHERE state = 'suppressed'), 0) AS not_needed,
    coalesce(sum(number) FILTER (WHERE state IN ('waiting', 'due', 'sending', 'uncertain')), 0) AS pending,
    coalesce(sum(number) FILTER (WHERE state = 'quarantined'), 0) AS quarantined"""

OF_DAYS = f"n.oa = :oa AND n.day >= :first AND n.day < :end AND {OF_UNITS}"
"""SQL: the row `n` of a roll-up by day and unit belongs to the period (`period_values`)."""

WITHIN_DAYS = f"{OF_DAYS} AND n.kind NOT IN ({TALK})"
"""SQL: the same for a roll-up that has kinds: only events of dossiers."""

ARRIVALS = ("delivered", "seen", "dong")

# `delivered` includes the seen ones.
_ARRIVALS = """
    coalesce(sum(number) FILTER (WHERE state IN ('delivered', 'seen')), 0) AS delivered,
    coalesce(sum(number) FILTER (WHERE state = 'seen'), 0) AS seen, sum(dong) AS dong"""

_REACH = f"""
SELECT n.day, n.unit, {_COUNTS}, {_ARRIVALS} FROM tally_day n WHERE {WITHIN_DAYS} GROUP BY n.day, n.unit ORDER BY n.day
"""
# Added up in two steps: of a year's 400,000 rows each is looked at for two sums, and not for eleven.
_REACH_BY_DAY = f"""
SELECT day, {_COUNTS}, {_ARRIVALS} FROM (
    SELECT n.day, n.state, n.cause, sum(n.number) AS number, sum(n.dong) AS dong FROM tally_day n
    WHERE {WITHIN_DAYS} GROUP BY n.day, n.state, n.cause
) AS days
GROUP BY day ORDER BY day
"""
_DIGEST = f"SELECT n.kind, {_COUNTS} FROM tally_day n WHERE {WITHIN_DAYS} GROUP BY n.kind"
_BAD_PHONES = f"""
SELECT DISTINCT ON (n.code, n.phone_fault, n.phone_seen)
       n.code, n.unit, n.phone_seen AS phone, n.phone_fault AS reason, n.recorded_at AS last_at
FROM notices_ever n
WHERE n.phone_fault IS NOT NULL AND n.oa = :oa AND n.kind NOT IN ({TALK})
  AND n.recorded_at >= :since AND n.recorded_at < :until AND {OF_UNITS}
ORDER BY n.code, n.phone_fault, n.phone_seen, n.id DESC
"""


def each_reach(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[date, str | None, list[int]]]:
    """(day, unit, counts) by day and unit: the numbers of `COUNTS` and `ARRIVALS` (R37)."""
    rows = streamed(tx, _REACH, period_values(tx, oa, period))
    counts = ((day, unit, [int(one) for one in found]) for day, unit, *found in rows)
    return by_day_and_unit(counts, folding(tx, oa, period))


def reach_by_day(tx: Connection, oa: str, period: ReportPeriod) -> list[tuple[date, dict[str, int]]]:
    """(day, counts) by day, all units together."""
    rows = tx.execute(text(_REACH_BY_DAY), period_values(tx, oa, period))
    return [(row[0], dict(zip((*COUNTS, *ARRIVALS), map(int, row[1:]), strict=True))) for row in rows]


def reach(tx: Connection, oa: str, period: ReportPeriod) -> list[dict[str, Any]]:
    """Per day (of Vietnam's calendar) and unit: the number of events and their outcomes (R37)."""
    return [
        {"day": day, "unit": unit, **dict(zip(COUNTS, counts, strict=False))}  # without the arrivals
        for day, unit, counts in each_reach(tx, oa, period)
    ]


def digest(tx: Connection, oa: str, period: ReportPeriod) -> list[dict[str, Any]]:
    """Per kind: the number of events and their outcomes (R32)."""
    rows = tx.execute(text(_DIGEST), period_values(tx, oa, period)).mappings()
    found = [{"kind": row["kind"], **{name: int(row[name]) for name in COUNTS}} for row in rows]
    return sorted(found, key=lambda row: (RANK.get(row["kind"], len(RANK)), row["kind"]))


def bad_phones(tx: Connection, oa: str, period: ReportPeriod) -> list[dict[str, Any]]:
    """As `each_bad_phone`, all at once."""
    return list(each_bad_phone(tx, oa, period))


def each_bad_phone(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[dict[str, Any]]:
    """One row for each dossier and fault of its phone field: the newest sighting (R9); by code.

    Rows are fetched by the page, while the transaction lasts: there may be hundreds of thousands in a year.
    """
    values = {**period_values(tx, oa, period), "since": period.since, "until": period.until}
    yield from (dict(row) for row in streamed(tx, _BAD_PHONES, values).mappings())


def period_values(tx: Connection, oa: str, period: ReportPeriod) -> dict[str, Any]:
    """The bind parameters of `WITHIN_DAYS`."""
    first, end = period.days
    return {"oa": oa, "first": first, "end": end, "units": units.meant(tx, oa, period.unit)}


def folding(tx: Connection, oa: str, period: ReportPeriod) -> Folding:
    """Gives the unit under which a recorded unit is shown."""
    return Folding(units.tree(tx, oa) if period.folded else UnitTree(()), datetime.now(VIETNAM).date())


@dataclass(frozen=True, slots=True)
class Folding:
    """The unit of today for a recorded one; None stays None."""

    tree: UnitTree
    today: date
    known: dict[str | None, str | None] = field(default_factory=lambda: {None: None})

    def __call__(self, unit: str | None) -> str | None:
        if unit is not None and unit not in self.known:
            self.known[unit] = self.tree.now(unit, self.today)
        return self.known[unit]
