"""The counters of the volume guard: new notices of an OA by minute, in the ledger, so that a flushed Redis hides none.

One row per OA, minute and cause; all producers of an OA write to the same rows, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, text

from domain.volume_guard import WINDOW
from ledger.base.statements import statement

NEW = "new"
"""The cause of new notices; `domain.volume_guard` has the causes of notices kept back."""

_KEPT = timedelta(hours=24)
_ALARM_AGAIN = timedelta(hours=1)  # a cause that was quiet for this long alarms again
_TURN = 4_847_213  # our space of advisory locks; any number that nobody else uses


def take_turn(tx: Connection, oa: str) -> None:
    """Wait until no other producer of this OA records; the lock is held until the transaction ends.

    Call it before the transaction takes any other lock, so that two of them never deadlock.
    """
    tx.execute(statement("SELECT pg_advisory_xact_lock(:space, hashtext(:oa))"), {"space": _TURN, "oa": oa})


def counted(tx: Connection, oa: str) -> int:
    """How many notices of an OA were new within the window, by the ledger's clock."""
    query = statement("""
        SELECT coalesce(sum(number), 0) FROM guard_counts
        WHERE oa = :oa AND cause = :new AND minute > statement_timestamp() - make_interval(secs => :window)""")
    return int(tx.execute(query, {"oa": oa, "new": NEW, "window": WINDOW.total_seconds()}).scalar_one())


_COUNT = """
WITH quiet AS (
    SELECT w.cause, w.number, NOT EXISTS (
        SELECT FROM guard_counts g WHERE g.oa = :oa AND g.cause = w.cause
          AND g.minute > statement_timestamp() - make_interval(secs => :again)) AS first
    FROM unnest(CAST(:causes AS text[]), CAST(:numbers AS bigint[])) AS w (cause, number)
),
gone AS (
    DELETE FROM guard_counts WHERE oa = :oa AND minute < statement_timestamp() - make_interval(secs => :kept)
),
added AS (
    INSERT INTO guard_counts (oa, minute, cause, number)
    SELECT :oa, date_trunc('minute', statement_timestamp()), cause, number FROM quiet
    ON CONFLICT (oa, minute, cause) DO UPDATE SET number = guard_counts.number + EXCLUDED.number
)
SELECT cause FROM quiet WHERE first
"""


def count(tx: Connection, oa: str, numbers: Mapping[str, int]) -> set[str]:
    """Add to the counters of this minute, by cause; returns the causes quiet for an hour, so that each alarms once."""
    some = {cause: number for cause, number in sorted(numbers.items()) if number}
    if not some:
        return set()
    values = {
        "oa": oa,
        "causes": list(some),
        "numbers": list(some.values()),
        "again": _ALARM_AGAIN.total_seconds(),
        "kept": _KEPT.total_seconds(),
    }
    return set(tx.execute(statement(_COUNT), values).scalars())


def lately(tx: Connection, oa: str) -> dict[str, int]:
    """How many notices were new, and how many were kept back, within the last day, by cause."""
    query = text("""
        SELECT cause, sum(number) AS number FROM guard_counts
        WHERE oa = :oa AND minute > statement_timestamp() - make_interval(secs => :kept) GROUP BY cause""")
    rows = tx.execute(query, {"oa": oa, "kept": _KEPT.total_seconds()})
    return {row.cause: int(row.number) for row in rows}
