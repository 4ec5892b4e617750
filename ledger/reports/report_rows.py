"""Rows of the reports for staff, from the roll-ups by day; only new followers are counted from the followers.

Units are as recorded where nothing else is said: `ledger.reports.statistics.folding` gives the unit of today.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, text

from domain.delays import BOUNDS
from ledger.base import units
from ledger.base.streaming import streamed
from ledger.base.units import OF_UNITS
from ledger.reports.day_units import DayCounts, by_day_and_unit
from ledger.reports.statistics import OF_DAYS, WITHIN_DAYS, ReportPeriod, folding, period_values
from ledger.reports.tallies import TALK

_HINDERED = f"""
SELECT n.unit, n.cause, n.state, sum(n.number) AS number FROM tally_day n
WHERE {WITHIN_DAYS} AND n.state NOT IN ('sent', 'delivered', 'seen') GROUP BY n.unit, n.cause, n.state
"""


def hindered(tx: Connection, oa: str, period: ReportPeriod) -> list[tuple[str | None, str | None, str, int]]:
    """(unit, cause, state, number) of the notices that nobody was told."""
    rows = tx.execute(text(_HINDERED), period_values(tx, oa, period))
    return [(row.unit, row.cause, row.state, int(row.number)) for row in rows]


_DOSSIERS = f"""
SELECT n.day, n.unit, n.state, n.cause, n.channel, n.number FROM tally_dossiers n WHERE {OF_DAYS} ORDER BY n.day
"""
_DOSSIERS_BY_DAY = f"""
SELECT n.day, n.state, n.cause, n.channel, sum(n.number) AS number FROM tally_dossiers n
WHERE {OF_DAYS} GROUP BY 1, 2, 3, 4 ORDER BY 1
"""


def dossiers(
    tx: Connection, oa: str, period: ReportPeriod
) -> Iterator[tuple[date, str | None, str, str | None, str | None, int]]:
    """(day, unit, state, cause, channel, number) of the dossiers with a notice recorded on a day, by day."""
    for row in streamed(tx, _DOSSIERS, period_values(tx, oa, period)):
        yield row.day, row.unit, row.state, row.cause, row.channel, int(row.number)


def dossiers_by_day(
    tx: Connection, oa: str, period: ReportPeriod
) -> list[tuple[date, str, str | None, str | None, int]]:
    """(day, state, cause, channel, number) by day, all units together."""
    rows = tx.execute(text(_DOSSIERS_BY_DAY), period_values(tx, oa, period))
    return [(row.day, row.state, row.cause, row.channel, int(row.number)) for row in rows]


_TRIED = f"SELECT n.day, n.unit, n.delays FROM tally_tries n WHERE {WITHIN_DAYS} AND n.outcome = 'sent' ORDER BY n.day"
_SUMS = ", ".join(f"sum(n.delays[{place}])" for place in range(1, len(BOUNDS) + 2))
_TRIED_BY_DAY = f"""
SELECT n.day, ARRAY[{_SUMS}] AS delays FROM tally_tries n
WHERE {WITHIN_DAYS} AND n.outcome = 'sent' GROUP BY 1 ORDER BY 1
"""


def delays(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[date, str | None, DayCounts]]:
    """(day of sending, unit, counts of `domain.delays`), by day and unit of today."""
    rows = ((row.day, row.unit, row.delays) for row in streamed(tx, _TRIED, period_values(tx, oa, period)))
    return by_day_and_unit(rows, folding(tx, oa, period))


def delays_by_day(tx: Connection, oa: str, period: ReportPeriod) -> list[tuple[date, DayCounts]]:
    """(day of sending, counts of `domain.delays`) by day, all units together."""
    rows = tx.execute(text(_TRIED_BY_DAY), period_values(tx, oa, period))
    return [(row.day, [int(one) for one in row.delays]) for row in rows]


def costs(tx: Connection, oa: str, period: ReportPeriod) -> list[tuple[date, str, int, int]]:
    """(day, channel, messages, đồng), as reserved from the budget of the day; costs do not belong to a unit."""
    first, end = period.days
    query = text("""
        SELECT day, channel, messages, dong FROM spending
        WHERE oa = :oa AND day >= :first AND day < :end ORDER BY day, channel""")
    return [tuple(row) for row in tx.execute(query, {"oa": oa, "first": first, "end": end})]


_FOLLOWED = f"""
SELECT CAST(f.follow_at AS date) AS day, u.unit, count(*) AS number
FROM (
    SELECT person_id, follow_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS follow_at FROM followers
    WHERE oa = :oa AND follows AND follow_at >= :since AND follow_at < :until
) AS f
LEFT JOIN LATERAL (
    SELECT DISTINCT n.unit FROM notices_ever n
    WHERE n.person_id = f.person_id AND n.kind NOT IN ({TALK}) OFFSET 0
) AS u ON true
CROSS JOIN LATERAL (SELECT u.unit) AS n (unit)
WHERE {OF_UNITS} GROUP BY 1, 2 ORDER BY 1
"""


def new_followers(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[date, str | None, DayCounts]]:
    """(day, unit of a dossier of theirs, [followers]) of those who followed then and follow still.

    Somebody with dossiers at two units counts at both. None: no dossier of theirs is known.
    """
    values = {"since": period.since, "until": period.until, "units": units.meant(tx, oa, period.unit)}
    rows = tx.execute(text(_FOLLOWED), {"oa": oa, **values})
    return by_day_and_unit(((row.day, row.unit, [row.number]) for row in rows), folding(tx, oa, period))
