"""Which due notices may leave at this moment, and in which lane they are claimed.

Notices that can still be in time go before notices that are late already. So a backlog drains alongside the daily flow,
whatever its cause, and whatever lane its notices were recorded for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from domain.lane import Lane
from ledger.base.statements import statement
from ledger.notices.notices import EARLIER_UNFINISHED
from ledger.notices.switches import RUNS

FRESH_SECONDS = 5.0  # a notice due for longer is late
EVER = 1e9  # seconds

TURNS: dict[Lane, tuple[tuple[Lane, float, float], ...]] = {
    Lane.INTERACTIVE: ((Lane.INTERACTIVE, 0, EVER),),
    Lane.SERVICE: ((Lane.SERVICE, 0, FRESH_SECONDS),),
    Lane.BULK: ((Lane.SERVICE, FRESH_SECONDS, EVER), (Lane.BULK, 0, EVER)),
}
"""By claiming lane: the lanes of the eligible notices, and how long they have been due (seconds: from, to)."""

# `due_at` is compared with `statement_timestamp()`: the volatile `clock_timestamp()` cannot use an index, so timely
# notices would be searched for behind the whole backlog. The age (`fresh_at`) must use no index, hence the volatile
# clock. Otherwise, if few notices were due when statistics were made, the planner takes the index of ages, and reads
# and sorts all due notices for each claim (69 ms instead of 2 at 20,000 due among 5 million).
MAY_GO = f"""
    n.oa = w.oa AND n.state = 'due' AND n.lane = w.lane AND NOT {EARLIER_UNFINISHED}
    AND n.due_at <= statement_timestamp() - make_interval(secs => w.youngest)
    AND n.due_at > statement_timestamp() - make_interval(secs => w.oldest)
    AND n.fresh_at > clock_timestamp() - make_interval(secs => w.max_age)
    AND n.kind <> ALL(CAST(:asleep AS text[])) AND {RUNS}"""
"""True where the notice `n` is eligible in `w` (oa, max_age, lane, youngest, oldest, sure; ages in seconds)."""

HEAD = 5000
"""A claim looks at so many eligible notices at most, in their order: while the source is away, a whole backlog waits
to be compared with it, and no claim may read through all of it. The producers compare these notices first."""

IS_SURE = "true_at > statement_timestamp() - make_interval(secs => w.sure)"
"""True where a notice was compared with the source within `w.sure` seconds, or is not about a dossier."""

ANY_MAY_GO = f"""
    SELECT FROM (SELECT n.true_at FROM notices n WHERE {MAY_GO} ORDER BY n.due_at LIMIT {HEAD}) AS first
    WHERE first.{IS_SURE} LIMIT 1"""
"""One row if any notice is eligible. In index order: otherwise, if there is none, the planner scans the whole table,
because it expects to meet one soon."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may not be claimed now: notices too old (R15, left to the sweep), and kinds that wait for the day.

    Nor notices last compared with the source longer ago than `sure`.
    """

    max_age: timedelta
    asleep: frozenset[str] = frozenset()
    sure: timedelta = timedelta(seconds=EVER)

    @property
    def values(self) -> dict[str, Any]:
        return {
            "max_age": self.max_age.total_seconds(),
            "asleep": sorted(self.asleep),
            "sure": self.sure.total_seconds(),
        }


_FIRST_LANE = f"""
SELECT t.turn
FROM unnest(CAST(:turns AS smallint[]), CAST(:lanes AS smallint[]),
            CAST(:youngest AS float8[]), CAST(:oldest AS float8[])) AS t (turn, lane, youngest, oldest)
CROSS JOIN LATERAL (SELECT CAST(:oa AS text), CAST(:max_age AS float8), t.lane, t.youngest, t.oldest,
                            CAST(:sure AS float8))
           AS w (oa, max_age, lane, youngest, oldest, sure)
CROSS JOIN LATERAL ({ANY_MAY_GO}) AS found
ORDER BY t.turn LIMIT 1
"""


def first_lane(tx: Connection, oa: str, bounds: Bounds) -> Lane | None:
    """The first lane with an eligible notice; None where there is none."""
    turns = [(turn, *row) for turn, rows in TURNS.items() for row in rows]
    columns = zip(("turns", "lanes", "youngest", "oldest"), map(list, zip(*turns, strict=True)), strict=True)
    lane = tx.execute(statement(_FIRST_LANE), {"oa": oa, **dict(columns), **bounds.values}).scalar_one_or_none()
    return None if lane is None else Lane(lane)
