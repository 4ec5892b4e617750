"""Uncertain notices: which to look up now, and what a look came to. Their `due_at` is the next look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from worker.domain.lifecycle import State
from worker.domain.settling import SKEW, Question
from worker.ledger.clock import now
from worker.ledger.moves import Move, move
from worker.ledger.notices import promote

_ABSENT = "not in the conversation: it did not arrive"
_LEFT = "could not be settled by asking Zalo: an operator decides"
_RESERVE = 30.0  # seconds: while one process looks, no other does


@dataclass(frozen=True, slots=True)
class Doubt:
    """An uncertain notice and what has to be known to settle it."""

    id: int
    code: str
    user_id: str | None = field(repr=False)
    channel: str | None
    question: Question


_TO_LOOK_UP = """
WITH looked AS (
    SELECT id FROM notices
    WHERE oa = :oa AND state = 'uncertain' AND due_at <= clock_timestamp() AND reason IS DISTINCT FROM :left
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
),
reserved AS (
    UPDATE notices n SET due_at = clock_timestamp() + make_interval(secs => :reserve)
    FROM looked WHERE n.id = looked.id
    RETURNING n.id, n.code, n.text, n.person_id, n.channel
)
SELECT r.id, r.code, r.text, r.channel, f.user_id, began.at AS began,
       EXTRACT(EPOCH FROM clock_timestamp() - doubted.at)::float8 AS age,
       (SELECT count(*) FROM notices told JOIN history h ON h.notice_id = told.id AND h.after = 'sent'
        WHERE told.person_id = r.person_id AND told.text = r.text AND told.id <> r.id
          AND told.state IN ('sent', 'delivered', 'seen') AND told.oa = :oa AND told.code = r.code
          AND h.at >= began.at - make_interval(secs => :skew)) AS told
FROM reserved r
LEFT JOIN followers f ON f.person_id = (SELECT person_id FROM notices WHERE id = r.id)
CROSS JOIN LATERAL (SELECT max(at) AS at FROM history WHERE notice_id = r.id AND after = 'sending') began
CROSS JOIN LATERAL (SELECT max(at) AS at FROM history WHERE notice_id = r.id AND after = 'uncertain') doubted
"""


def to_look_up(tx: Connection, oa: str, *, limit: int) -> list[Doubt]:
    """The uncertain notices whose look is due; reserved for a while, so that no two processes ask for one."""
    rows = tx.execute(
        text(_TO_LOOK_UP), {"oa": oa, "limit": limit, "reserve": _RESERVE, "skew": SKEW.total_seconds(), "left": _LEFT}
    )
    return [
        Doubt(row.id, row.code, row.user_id, row.channel, Question(row.text or "", row.began, row.age, row.told))
        for row in rows
    ]


def settle(tx: Connection, oa: str, arrived: Sequence[Doubt], not_arrived: Sequence[Doubt], *, by: str) -> set[int]:
    """Record verdicts, and let the later notices of these dossiers go; returns the ids that moved."""
    at = now(tx)
    moves = [
        *(Move(d.id, State.UNCERTAIN, State.SENT, why="found in the conversation") for d in arrived),
        *(Move(d.id, State.UNCERTAIN, State.DUE, why=_ABSENT, due_at=at) for d in not_arrived),
    ]
    moved = move(tx, moves, by=by)
    promote(tx, oa, {doubt.code for doubt in (*arrived, *not_arrived)}, by=by)
    return moved


def look_again(tx: Connection, doubts: Sequence[tuple[int, float]]) -> None:
    """Set the next look of notices (id, seconds from now)."""
    tx.execute(
        text("""
            UPDATE notices n SET due_at = clock_timestamp() + make_interval(secs => w.seconds)
            FROM unnest(CAST(:ids AS bigint[]), CAST(:seconds AS float8[])) AS w (id, seconds)
            WHERE n.id = w.id AND n.state = 'uncertain'"""),
        {"ids": [id_ for id_, _ in doubts], "seconds": [seconds for _, seconds in doubts]},
    )


def leave_to_operator(tx: Connection, ids: Sequence[int]) -> None:
    """Say that no automatic look will come any more."""
    tx.execute(
        text("UPDATE notices SET reason = :left WHERE id = ANY(:ids) AND state = 'uncertain'"),
        {"ids": list(ids), "left": _LEFT},
    )
