"""Who gets the probe of an OA, and what became of the latest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from domain.lifecycle import BLOCKING
from ledger.base.arrays import column


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """Seconds: since Zalo took the newest probe that it took, and of that one, from its recording until Zalo took it
    and until it was on the phone (None: not yet). `age`: where Zalo took none lately, since the probe was switched on.
    """

    age: float
    sent: float | None
    delivered: float | None


def choose(tx: Connection, oa: str, follower: int) -> None:
    """From now on this follower gets the probe of the OA, and nobody else."""
    query = text("""
        INSERT INTO probe_staff (oa, follower_id, added_at) VALUES (:oa, :follower, clock_timestamp())
        ON CONFLICT (oa) DO UPDATE SET follower_id = EXCLUDED.follower_id, added_at = EXCLUDED.added_at""")
    tx.execute(query, {"oa": oa, "follower": follower})


def end(tx: Connection, oa: str, followers: Sequence[int]) -> int:
    """No probe to these followers any more; returns how many got it."""
    query = text("DELETE FROM probe_staff WHERE oa = :oa AND follower_id = ANY(CAST(:followers AS bigint[]))")
    return tx.execute(query, {"oa": oa, "followers": list(followers)}).rowcount


def listed(tx: Connection, oa: str) -> list[dict[str, Any]]:
    """The follower who gets the probe, if there is one."""
    query = text("""
        SELECT f.user_id, f.follows, f.notices_off, s.added_at
        FROM probe_staff s JOIN followers f ON f.id = s.follower_id WHERE s.oa = :oa""")
    return [dict(row) for row in tx.execute(query, {"oa": oa}).mappings()]


def to_probe(tx: Connection, oa: str, keys: Sequence[str]) -> int | None:
    """The follower to probe; None if nobody is chosen or follows, or one of the probes `keys` is not finished.

    An unfinished one goes on being measured: probes do not queue up while Zalo is away.
    """
    unfinished = ", ".join(f"'{state}'" for state in sorted(BLOCKING))
    query = text(f"""
        SELECT f.id FROM probe_staff s JOIN followers f ON f.id = s.follower_id
        WHERE s.oa = :oa AND f.follows AND NOT f.notices_off AND NOT EXISTS (
            SELECT FROM unnest(CAST(:keys AS text[])) AS w (key)
            JOIN notices n ON n.oa = :oa AND n.event_key = w.key WHERE n.state IN ({unfinished}))""")
    found: int | None = tx.execute(query, {"oa": oa, "keys": column(keys)}).scalar_one_or_none()
    return found


_TIMES = """
WITH taken AS (
    SELECT n.recorded_at, told.sent_at, told.delivered_at
    FROM unnest(CAST(:keys AS text[])) AS w (key)
    JOIN notices n ON n.oa = :oa AND n.event_key = w.key
    CROSS JOIN LATERAL (
        SELECT min(at) FILTER (WHERE after IN ('sent', 'delivered', 'seen')) AS sent_at,
               min(at) FILTER (WHERE after IN ('delivered', 'seen')) AS delivered_at
        FROM history WHERE notice_id = n.id
    ) AS told
    WHERE told.sent_at IS NOT NULL ORDER BY told.sent_at DESC LIMIT 1
)
SELECT extract(epoch FROM clock_timestamp() - greatest(t.sent_at, s.added_at)) AS age,
       extract(epoch FROM t.sent_at - t.recorded_at) AS sent,
       extract(epoch FROM t.delivered_at - t.recorded_at) AS delivered
FROM probe_staff s LEFT JOIN taken t ON true WHERE s.oa = :oa
"""


def times(tx: Connection, oa: str, keys: Sequence[str]) -> ProbeTimes | None:
    """What the newest of the probes `keys` say; None if the OA has no probe."""
    row = tx.execute(text(_TIMES), {"oa": oa, "keys": column(keys)}).one_or_none()
    if row is None:
        return None
    return ProbeTimes(*(None if value is None else float(value) for value in row))  # type: ignore[arg-type]  # age: not null
