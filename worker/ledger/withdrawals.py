"""Withdrawals: events that are no longer true, and those that are true again (R12). The poll brings both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from worker.domain.event import Withdrawal
from worker.domain.lifecycle import LIVE, State
from worker.ledger.moves import Move, move
from worker.ledger.notices import promote

# What expired, too, as an operator may bring it back.
_MAY_BE_TOLD = ", ".join(f"'{state}'" for state in sorted(LIVE | {State.EXPIRED}))


_WITHDRAW = f"""
WITH wanted AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:keys AS text[]), CAST(:whys AS text[]))
                AS w (code, key, why)),
found AS (
    SELECT n.id, {{why}} AS why FROM notices n
    WHERE n.oa = :oa AND n.code = ANY(CAST(:codes AS text[])) AND n.state IN ({_MAY_BE_TOLD}) AND n.withdrawn IS NULL
      AND {{why}} IS NOT NULL
    ORDER BY n.id FOR UPDATE OF n
)
UPDATE notices n SET withdrawn = f.why, withdrawn_at = clock_timestamp() FROM found f WHERE n.id = f.id
RETURNING n.id, n.code, n.state, n.withdrawn
""".format(
    why="""(SELECT min(w.why) FROM wanted w WHERE w.code = n.code
             AND (w.key = n.event_key OR right(w.key, 1) = '*' AND starts_with(n.event_key, left(w.key, -1))))"""
)
_NOT_LEFT = (State.WAITING, State.DUE, State.UNREACHABLE)


def withdraw(tx: Connection, oa: str, withdrawals: Sequence[Withdrawal], *, by: str) -> set[int]:
    """Suppress notices that have not left and whose event is no longer true (R12); returns their ids.

    One that a worker holds right now is marked: it is let go before it is sent (`unwanted`), or when it comes back.
    """
    values = {
        "codes": [withdrawal.code for withdrawal in withdrawals],
        "keys": [withdrawal.key for withdrawal in withdrawals],
        "whys": [withdrawal.why for withdrawal in withdrawals],
    }
    marked = list(tx.execute(text(_WITHDRAW), {"oa": oa, **values}))
    moves = [
        Move(row.id, State(row.state), State.SUPPRESSED, why=row.withdrawn) for row in marked if row.state in _NOT_LEFT
    ]
    move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in marked}, by=by)
    return {row.id for row in marked}


_TRUE_AGAIN = """
UPDATE notices SET withdrawn = NULL, withdrawn_at = NULL, fresh_at = clock_timestamp()
WHERE oa = :oa AND event_key = ANY(CAST(:keys AS text[])) AND withdrawn IS NOT NULL
  AND withdrawn_at < clock_timestamp() - make_interval(secs => :seconds)
RETURNING id, code, state
"""
_READING = 60.0  # seconds that a poll may lie between reading the source and recording: longer than any task lives


def true_again(tx: Connection, oa: str, keys: Sequence[str], *, by: str) -> set[int]:
    """What was withdrawn before it left and is true again waits for its turn again; returns the ids.

    Not within a minute of the withdrawal: a slower poll may have read the source before it and tell us only now.
    """
    if not keys:
        return set()
    rows = list(tx.execute(text(_TRUE_AGAIN), {"oa": oa, "keys": sorted(keys), "seconds": _READING}))
    back = [row for row in rows if row.state == State.SUPPRESSED]
    moves = [Move(row.id, State.SUPPRESSED, State.WAITING, why="true again") for row in back]
    moved = move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in back}, by=by)
    return moved


_DATES = """
SELECT DISTINCT ON (code) code, facts ->> 'appointment_at' AS at FROM notices_ever
WHERE oa = :oa AND code = ANY(CAST(:codes AS text[])) AND facts ? 'appointment_at'
  AND state NOT IN ('suppressed', 'expired', 'discarded')
ORDER BY code, event_at DESC, rank DESC, id DESC
"""


def appointments_told(tx: Connection, oa: str, codes: Iterable[str]) -> dict[str, datetime]:
    """The appointment that each of these dossiers' people were, or are about to be, told last."""
    rows = tx.execute(text(_DATES), {"oa": oa, "codes": sorted(codes)})
    return {row.code: datetime.fromisoformat(row.at) for row in rows}
