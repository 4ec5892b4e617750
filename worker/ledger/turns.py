"""Whose turn it is: which due notices may leave at this moment, and in which lane they are claimed.

What can still be in time goes before what is late already. A backlog so drains beside the daily flow, however it came
about, and whatever lane it was recorded for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from worker.domain.lane import Lane
from worker.ledger.notices import EARLIER_UNFINISHED
from worker.ledger.statements import statement
from worker.ledger.switches import RUNS

FRESH_SECONDS = 5.0  # what has been due for longer is late
EVER = 1e9  # seconds

TURNS: dict[Lane, tuple[tuple[Lane, float, float], ...]] = {
    Lane.INTERACTIVE: ((Lane.INTERACTIVE, 0, EVER),),
    Lane.SERVICE: ((Lane.SERVICE, 0, FRESH_SECONDS),),
    Lane.BULK: ((Lane.SERVICE, FRESH_SECONDS, EVER), (Lane.BULK, 0, EVER)),
}
"""What has its turn in a lane: notices of which lane, and for how long they have been due, in seconds."""

# What is due is compared with the moment of the statement, as `clock_timestamp()`, which changes while it runs, leads
# into no index: what can be in time would be looked for behind the whole backlog. With the age it is the other way
# round: it must lead into none. Else, where few were due when statistics were made, the planner takes the index of
# ages, and reads and sorts all that is due for each claim (69 ms instead of 2 at 20,000 due among 5 million).
MAY_GO = f"""
    n.oa = w.oa AND n.state = 'due' AND n.lane = w.lane AND NOT {EARLIER_UNFINISHED}
    AND n.due_at <= statement_timestamp() - make_interval(secs => w.youngest)
    AND n.due_at > statement_timestamp() - make_interval(secs => w.oldest)
    AND n.fresh_at > clock_timestamp() - make_interval(secs => w.max_age)
    AND n.kind <> ALL(CAST(:asleep AS text[])) AND {RUNS}"""
"""True where the notice `n` has its turn in `w` (oa, max_age, lane, youngest, oldest, sure; ages in seconds)."""

HEAD = 5000
"""So many of those that have their turn are looked at, in their order: while the source is away a whole backlog waits
to be compared with it, and no claim may read through all of that. The producers compare these first."""

IS_SURE = "true_at > statement_timestamp() - make_interval(secs => w.sure)"
"""True where a notice was compared with the source within `w.sure` seconds, or tells of no dossier."""

ANY_MAY_GO = f"""
    SELECT FROM (SELECT n.true_at FROM notices n WHERE {MAY_GO} ORDER BY n.due_at LIMIT {HEAD}) AS first
    WHERE first.{IS_SURE} LIMIT 1"""
"""A row, if there is one. In the index's order: else the planner reads the whole table where there is none, in the hope
of meeting one soon."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may not be claimed at this moment: what is older (R15, the sweep's) and the kinds that wait for the day.

    Nor what was compared with the source longer ago than `sure`.
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
    """The first lane in which some notice has its turn now; None where none has."""
    turns = [(turn, *row) for turn, rows in TURNS.items() for row in rows]
    columns = zip(("turns", "lanes", "youngest", "oldest"), map(list, zip(*turns, strict=True)), strict=True)
    lane = tx.execute(statement(_FIRST_LANE), {"oa": oa, **dict(columns), **bounds.values}).scalar_one_or_none()
    return None if lane is None else Lane(lane)
