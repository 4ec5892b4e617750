"""What has waited too long, as far as the ledger knows; only Redis knows whether something else holds it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from domain.lane import Lane
from ledger.notices.eligibility import EVER, HEAD, IS_SURE, MAY_GO, Bounds
from ledger.notices.sweep_queries import DOUBTED_AT

# Notices that are taken first: of a higher lane, or of this lane and due no later than a moment after this one.
_IN_TURN = """
    SELECT FROM notices s WHERE s.oa = w.oa AND s.state = 'sending' AND s.lease_until > statement_timestamp()
    AND (s.lane < w.lane OR s.lane = w.lane AND s.due_at < first.due_at + make_interval(secs => :near))"""

_QUEUES = f"""
SELECT w.lane, extract(epoch FROM statement_timestamp() - first.due_at) AS seconds,
       extract(epoch FROM statement_timestamp() - first.sure_at) AS sure_seconds,
       EXISTS ({_IN_TURN}) AS flows
FROM (SELECT CAST(:oa AS text), CAST(:max_age AS float8), l.lane, CAST(0 AS float8), CAST({EVER} AS float8),
             CAST(:sure AS float8) FROM unnest(CAST(:lanes AS smallint[])) AS l (lane)
) AS w (oa, max_age, lane, youngest, oldest, sure)
CROSS JOIN LATERAL (
    SELECT min(h.due_at) AS due_at, min(h.due_at) FILTER (WHERE h.{IS_SURE}) AS sure_at
    FROM (SELECT n.due_at, n.true_at FROM notices n WHERE {MAY_GO} ORDER BY n.due_at LIMIT {HEAD}) AS h
) AS first
WHERE first.due_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue of a lane: seconds the oldest notice has been due, and the oldest compared with the source.

    `flows`: notices that go before it are being sent at this moment.
    """

    lane: Lane
    seconds: float
    sure_seconds: float | None
    flows: bool


def queues(tx: Connection, oa: str, bounds: Bounds, *, near: float) -> list[Queue]:
    """The lanes of an OA with an eligible notice. `near` (seconds): a notice due this much later may go first."""
    values = {"oa": oa, "lanes": list(Lane), "near": near, **bounds.values}
    return [
        Queue(
            Lane(row.lane), float(row.seconds), None if row.sure_seconds is None else float(row.sure_seconds), row.flows
        )
        for row in tx.execute(text(_QUEUES), values)
    ]


_EVENTS = """
SELECT extract(epoch FROM statement_timestamp() - min(received_at)) FROM (
    SELECT received_at FROM zalo_events WHERE oa = :oa AND applied_at IS NULL ORDER BY id LIMIT 1) AS first
"""


def oldest_event(tx: Connection, oa: str) -> float:
    """How many seconds the oldest event from Zalo has waited to be applied; 0 where there is none."""
    return float(tx.execute(text(_EVENTS), {"oa": oa}).scalar_one() or 0.0)


_FEEDS = """
SELECT feed, extract(epoch FROM statement_timestamp() - polled_at) AS seconds FROM cursors
WHERE oa = :oa AND feed = ANY(:feeds)
"""


def unread_feeds(tx: Connection, oa: str, feeds: Collection[str]) -> dict[str, float]:
    """Seconds since each feed was last read to its end; feeds never read are missing."""
    rows = tx.execute(text(_FEEDS), {"oa": oa, "feeds": list(feeds)})
    return {row.feed: float(row.seconds) for row in rows}


_LOOKS = f"""
SELECT extract(epoch FROM statement_timestamp() - min(n.due_at)) AS late,
       extract(epoch FROM statement_timestamp() - min({DOUBTED_AT})) AS doubted
FROM notices n WHERE n.oa = :oa AND n.state = 'uncertain'
"""


def oldest_doubt(tx: Connection, oa: str) -> tuple[float, float]:
    """Seconds by which the next look of a doubt is overdue, and seconds the oldest doubt has lasted; 0 for none."""
    row = tx.execute(text(_LOOKS), {"oa": oa}).one()
    return float(row.late or 0.0), float(row.doubted or 0.0)
