"""The tables that are kept by month (of UTC), so that what is too old goes by dropping a month, never row by row.

Each has a partition for all that belongs to no month: a row that comes where nobody made its month in time is kept
there, and moves when the month is made. So nothing is ever refused for want of a partition, and `hcc doctor` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

MONTHLY = {"attempts": "at", "history": "at", "notices_past": "recorded_at"}
"""The tables, and the time that says to which month a row belongs."""

WRITTEN = ("history", "attempts")
"""Those whose months are made before they come; the past makes its own as it needs them."""

_AHEAD = 2  # months that are made before they come: two sweeps may fail for a month without harm
_STRAYS = 24  # months at once
_ONE_AT_A_TIME = 4_847_205  # the advisory lock of those who make or drop months


@dataclass(frozen=True, slots=True)
class Part:
    """A partition: `since` None for the first, which has all from before there were months."""

    table: str
    name: str
    since: datetime | None
    until: datetime
    rows: int  # about; 0 where nobody has counted yet


_PARTS = """
SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows,
       CAST(substring(b.bound FROM $$FROM \\('([^']+)'\\)$$) AS timestamptz) AS since,
       CAST(substring(b.bound FROM $$TO \\('([^']+)'\\)$$) AS timestamptz) AS until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) AS b
WHERE i.inhparent = CAST(:table AS regclass) AND b.bound <> 'DEFAULT' ORDER BY 4
"""


def parts(tx: Connection, table: str) -> list[Part]:
    """The months of a table that are there, oldest first."""
    rows = tx.execute(text(_PARTS), {"table": table})
    return [Part(table, row.name, row.since, row.until, row.rows) for row in rows]


def month_of(moment: datetime) -> datetime:
    """The beginning of its month in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_on(month: datetime, count: int) -> datetime:
    """The beginning of the month so many months later, or earlier."""
    number = month.year * 12 + month.month - 1 + count
    return month.replace(year=number // 12, month=number % 12 + 1)


def coming(now: datetime) -> list[datetime]:
    """The months that have to be there: this one and the next ones."""
    return [months_on(month_of(now), ahead) for ahead in range(_AHEAD + 1)]


def lacking(tx: Connection, table: str, wanted: Iterable[datetime]) -> list[datetime]:
    """Those of the months for which there is no partition."""
    there = parts(tx, table)
    return [
        month
        for month in wanted
        if not any((part.since is None or part.since <= month) and month < part.until for part in there)
    ]


def make(tx: Connection, table: str, wanted: Iterable[datetime]) -> list[datetime]:
    """Make the partitions of these months that are lacking; returns which. Others who make them meanwhile wait."""
    if not (missing := lacking(tx, table, wanted)):
        return []  # the usual case takes no lock
    _take_turn(tx)
    missing = lacking(tx, table, missing)
    for month in missing:
        _make_one(tx, table, month)
    return missing


def strays(tx: Connection, table: str) -> list[datetime]:
    """The months of the rows for which nobody has made one: housekeeping stood still, or some clock was far out."""
    query = f"SELECT DISTINCT date_trunc('month', {MONTHLY[table]}, 'UTC') FROM {table}_default LIMIT {_STRAYS}"
    return list(tx.execute(text(query)).scalars())


def covers(tx: Connection, moment: datetime) -> bool:
    """Whether the months of what is written are made for this moment: somebody kept house in the last two months."""
    return not any(lacking(tx, table, [month_of(moment)]) for table in WRITTEN)


def drop_before(tx: Connection, moment: datetime) -> Sequence[Part]:
    """Drop the months that were over before `moment`; returns them."""
    old = [part for table in MONTHLY for part in parts(tx, table) if part.until <= moment]
    old = [part for part in old if _was_written_before(tx, part, moment)]
    if old:
        _take_turn(tx)
    for part in old:
        tx.execute(text(f"DROP TABLE IF EXISTS {part.name}"))
    return old


def _was_written_before(tx: Connection, part: Part, moment: datetime) -> bool:
    """Whether a month is old by the order of writing, too: its ids are below those of the first month that is kept.

    Otherwise the clock was set back when its rows were written, and they are as young as their ids say.
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
    """One at a time; and rather give up and come again than let a queue of deliveries form behind our wait."""
    tx.execute(text("SET LOCAL lock_timeout = '2s'"))
    tx.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ONE_AT_A_TIME})


def _make_one(tx: Connection, table: str, month: datetime) -> None:
    """Made apart and attached, since that stops nobody who writes; what waited for this month moves into it."""
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
