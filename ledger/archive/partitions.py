"""Tables partitioned by month (UTC), so that old rows are removed by dropping a month, never row by row.

Each table has a default partition for rows without a month: such a row is kept there until its month is made, and then
moves. So no row is ever refused for lack of a partition, and `hcc doctor` reports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

MONTHLY = {"attempts": "at", "history": "at", "notices_past": "recorded_at"}
"""The tables, each with the time column that decides the month of a row."""

WRITTEN = ("history", "attempts")
"""Tables whose months are made in advance; `notices_past` gets its months as it needs them."""

_AHEAD = 2  # months made in advance: sweeps may fail for two months without harm
_STRAYS = 24  # months at once
_ONE_AT_A_TIME = 4_847_205  # the advisory lock for making or dropping months


@dataclass(frozen=True, slots=True)
class Part:
    """A partition: `since` None for the first, which has all rows from before there were months."""

    table: str
    name: str
    since: datetime | None
    until: datetime
    rows: int  # an estimate; 0 where the rows were never counted


_PARTS = """
SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows,
       CAST(substring(b.bound FROM $$FROM \\('([^']+)'\\)$$) AS timestamptz) AS since,
       CAST(substring(b.bound FROM $$TO \\('([^']+)'\\)$$) AS timestamptz) AS until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) AS b
WHERE i.inhparent = CAST(:table AS regclass) AND b.bound <> 'DEFAULT' ORDER BY 4
"""


def parts(tx: Connection, table: str) -> list[Part]:
    """The existing months of a table, oldest first."""
    rows = tx.execute(text(_PARTS), {"table": table})
    return [Part(table, row.name, row.since, row.until, row.rows) for row in rows]


def month_of(moment: datetime) -> datetime:
    """The beginning of its month in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_on(month: datetime, count: int) -> datetime:
    """The beginning of the month `count` months later, or earlier."""
    number = month.year * 12 + month.month - 1 + count
    return month.replace(year=number // 12, month=number % 12 + 1)


def coming(now: datetime) -> list[datetime]:
    """The months that must exist: this one and the next ones."""
    return [months_on(month_of(now), ahead) for ahead in range(_AHEAD + 1)]


def lacking(tx: Connection, table: str, wanted: Iterable[datetime]) -> list[datetime]:
    """Those of the months without a partition."""
    there = parts(tx, table)
    return [
        month
        for month in wanted
        if not any((part.since is None or part.since <= month) and month < part.until for part in there)
    ]


def make(tx: Connection, table: str, wanted: Iterable[datetime]) -> list[datetime]:
    """Make the missing partitions of these months; returns which. Other processes that make them meanwhile wait."""
    if not (missing := lacking(tx, table, wanted)):
        return []  # the usual case takes no lock
    _take_turn(tx)
    missing = lacking(tx, table, missing)
    for month in missing:
        _make_one(tx, table, month)
    return missing


def strays(tx: Connection, table: str) -> list[datetime]:
    """Months of rows without a partition: housekeeping did not run, or some clock was far off."""
    query = f"SELECT DISTINCT date_trunc('month', {MONTHLY[table]}, 'UTC') FROM {table}_default LIMIT {_STRAYS}"
    return list(tx.execute(text(query)).scalars())


def covers(tx: Connection, moment: datetime) -> bool:
    """Whether the months of the written tables exist for this moment: housekeeping ran in the last two months."""
    return not any(lacking(tx, table, [month_of(moment)]) for table in WRITTEN)


def drop_before(tx: Connection, moment: datetime) -> Sequence[Part]:
    """Drop the months that ended before `moment`; returns them."""
    old = [part for table in MONTHLY for part in parts(tx, table) if part.until <= moment]
    old = [part for part in old if _was_written_before(tx, part, moment)]
    if old:
        _take_turn(tx)
    for part in old:
        tx.execute(text(f"DROP TABLE IF EXISTS {part.name}"))
    return old


def _was_written_before(tx: Connection, part: Part, moment: datetime) -> bool:
    """Whether a month is old by the order of writing, too: its ids are below those of the first month that is kept.

    Otherwise the clock was set back when its rows were written, and they are as recent as their ids.
    """
    for kept in parts(tx, part.table):
        if kept.until <= moment:
            continue
        end = "max" if kept.since == part.until else "min"  # at midnight the ids of two months mix
        newest, bound = tx.execute(
            text(f"SELECT (SELECT max(id) FROM {part.name}), (SELECT {end}(id) FROM {kept.name})")
        ).one()
        if newest is None or bound is not None:
            return newest is None or newest < bound
    return True


def _take_turn(tx: Connection) -> None:
    """One process at a time, with a short time-out: rather retry later than let deliveries queue behind our wait."""
    tx.execute(text("SET LOCAL lock_timeout = '2s'"))
    tx.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ONE_AT_A_TIME})


def _make_one(tx: Connection, table: str, month: datetime) -> None:
    """Create the table separately and attach it, which blocks no writer; rows waiting for this month move into it."""
    name, key, bounds = f"{table}_{month:%Y_%m}", MONTHLY[table], {"since": month, "until": months_on(month, 1)}
    tx.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)"))
    tx.execute(text(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"))
    _run(
        tx,
        f"""
        WITH stray AS (DELETE FROM {table}_default WHERE {key} >= :since AND {key} < :until RETURNING *)
        INSERT INTO {name} SELECT * FROM stray""",
        **bounds,
    )
    _run(tx, f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (:since) TO (:until)", **bounds)


def _run(tx: Connection, statement: str, **values: Any) -> None:
    tx.execute(text(statement), values)
