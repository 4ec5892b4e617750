"""The one place where a notice changes state (law 2): compare-and-set, in batches, with a history row per change.

A move names the state and the lease that it expects. If the row has another one, another worker was faster, and the
id is not among those returned. Callers pass either literal moves (`move`) or a query that finds the notices
(`move_found`, for sweeps: one statement a page).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from domain.lifecycle import State, may_move
from domain.value_object import value_object
from ledger.base.arrays import Value, column
from ledger.base.statements import statement


@value_object
class Move:
    """One wanted change of one notice. A None field stays as it is, except the reason: it is always replaced."""

    id: int
    before: State
    after: State
    why: str | None = None
    lease: str | None = None  # the lease that the row must hold
    due_at: datetime | None = None
    counts: int = 0  # attempts to add
    channel: str | None = None
    code: int | None = None
    message_id: str | None = None
    said_no: str | None = None  # the channel that cannot reach the person
    tried_under: str | None = None  # tags of the tries that are known now
    doubt: str | None = None  # for a move from `uncertain`: the tags under which this very doubt arose, "" for none
    maybe_since: datetime | None = None  # it may have been sent since then by a try that the ledger forgot


_GIVEN = """
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:befores AS text[]), CAST(:afters AS text[]), CAST(:whys AS text[]),
        CAST(:leases AS text[]), CAST(:due_ats AS timestamptz[]), CAST(:counts AS int[]), CAST(:channels AS text[]),
        CAST(:codes AS int[]), CAST(:message_ids AS text[]), CAST(:said_nos AS text[]), CAST(:tried_unders AS text[]),
        CAST(:doubts AS text[]), CAST(:maybe_sinces AS timestamptz[])
    ) AS wanted (id, before, after, why, lease, due_at, counts, channel, code, message_id, said_no, tried_under,
                 doubt, maybe_since)"""

# Every move clears the lease; only a claim, in `claims`, sets one. A notice that would become due but was withdrawn
# meanwhile is suppressed instead, whatever its path: one place for all races with the poll (R12). One that would become
# due but depends on an unknown word is quarantined instead. A notice reopened by a follow or by an operator may be
# tried on every channel again. A doubt that was settled, or released by an operator, is over: the time since which the
# notice may have been sent is cleared.
_APPLY = """
WITH wanted AS ({source}),
moved AS (
    UPDATE notices n SET
        state = CASE WHEN w.after = 'due' AND n.withdrawn IS NOT NULL THEN 'suppressed'
                     WHEN w.after = 'due' AND {held} THEN 'quarantined' ELSE w.after END,
        reason = CASE WHEN w.after = 'due' AND n.withdrawn IS NOT NULL THEN n.withdrawn
                      WHEN w.after = 'due' AND {held} THEN (SELECT min(h.hold ->> 'why') FROM {holds})
                      ELSE left(w.why, {longest}) END,
        held = CASE WHEN {held} THEN n.held END,
        lease = NULL,
        lease_until = NULL,
        due_at = COALESCE(w.due_at, n.due_at),
        attempts = n.attempts + w.counts,
        channel = COALESCE(w.channel, n.channel),
        code_received = COALESCE(w.code, n.code_received),
        message_id = COALESCE(w.message_id, n.message_id),
        said_no = CASE WHEN w.before IN ('unreachable', 'dead') THEN '{{}}'
                       WHEN w.said_no IS NULL THEN n.said_no ELSE array_append(n.said_no, w.said_no) END,
        tried_under = COALESCE(w.tried_under, n.tried_under),
        maybe_since = CASE WHEN w.before IN ('uncertain', 'quarantined') THEN NULL
                           ELSE COALESCE(w.maybe_since, n.maybe_since) END
    FROM wanted w
    WHERE n.id = w.id AND n.state = w.before AND n.lease IS NOT DISTINCT FROM w.lease
      AND (w.doubt IS NULL OR COALESCE(n.tried_under, '') = w.doubt)
    RETURNING n.id, w.before, n.state AS after, n.reason AS why
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), before, after, why, :by FROM moved
RETURNING notice_id
"""


_LONGEST = 500  # characters of a reason: it lies in the index of lists, whose entries are at most 2,704 bytes long
_HOLDS = "jsonb_each(n.held) AS h (field, hold)"
# Under a hold of an unknown word (`holds`), unless the move releases it from the quarantine of that very word.
_HELD = f"""(n.held IS NOT NULL AND NOT (
            w.before = 'quarantined' AND EXISTS (SELECT FROM {_HOLDS} WHERE h.hold ->> 'why' = n.reason)))"""


def move(tx: Connection, moves: Sequence[Move], *, by: str) -> set[int]:
    """Apply literal moves; returns the ids that moved. Raises ValueError for an arrow outside the table: a bug."""
    if not moves:
        return set()
    for wanted in moves:
        if not may_move(wanted.before, wanted.after):
            raise ValueError(f"a notice cannot go from {wanted.before} to {wanted.after}")
    return _apply(tx, _GIVEN, {**_arrays(moves), "by": by})


def move_found(
    tx: Connection, before: State, after: State, found: str, *, by: str, why: str | None, **values: object
) -> set[int]:
    """Move the notices found by the query `found` (columns: id, lease, due_at), in one statement."""
    if not may_move(before, after):
        raise ValueError(f"a notice cannot go from {before} to {after}")
    source = f"""
        SELECT f.id, CAST(:before AS text) AS before, CAST(:after AS text) AS after, CAST(:why AS text) AS why,
               f.lease, f.due_at, 0 AS counts, CAST(NULL AS text) AS channel, CAST(NULL AS int) AS code,
               CAST(NULL AS text) AS message_id, CAST(NULL AS text) AS said_no, CAST(NULL AS text) AS tried_under,
               CAST(NULL AS text) AS doubt, CAST(NULL AS timestamptz) AS maybe_since
        FROM ({found}) AS f"""
    return _apply(tx, source, {"before": before, "after": after, "why": why, "by": by, **values})


def _apply(tx: Connection, source: str, values: dict[str, Any]) -> set[int]:
    rows = tx.execute(statement(_APPLY.format(source=source, held=_HELD, holds=_HOLDS, longest=_LONGEST)), values)
    return set(rows.scalars())


_COLUMNS = {
    "ids": "id",
    "befores": "before",
    "afters": "after",
    "whys": "why",
    "leases": "lease",
    "due_ats": "due_at",
    "counts": "counts",
    "channels": "channel",
    "codes": "code",
    "message_ids": "message_id",
    "said_nos": "said_no",
    "tried_unders": "tried_under",
    "doubts": "doubt",
    "maybe_sinces": "maybe_since",
}


def _arrays(moves: Sequence[Move]) -> dict[str, str]:
    return {name: _column(list(map(attrgetter(field), moves))) for name, field in _COLUMNS.items()}


def _column(values: Sequence[Value]) -> str:
    """A column without any value is empty; `unnest` pads it to the length of the others."""
    return "{}" if values.count(None) == len(values) else column(values)
