"""Uncertain notices: which to look up now, and what a look came to. Their `due_at` is the next look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import Row as SqlRow

from worker.domain.lifecycle import State
from worker.domain.settling import SKEW, Question, Row, Verdict, verdict
from worker.ledger.clock import now
from worker.ledger.moves import Move, move
from worker.ledger.notices import promote

_ABSENT = "not in the conversation: it did not arrive"
_ECHO = "Zalo echoed its words: it arrived"
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
    kind: str = ""


_TOLD = """
    (SELECT count(*) FROM notices told JOIN history h ON h.notice_id = told.id AND h.after = 'sent'
     WHERE told.person_id IS NOT DISTINCT FROM r.person_id AND told.text = r.text AND told.id <> r.id
       AND told.state IN ('sent', 'delivered', 'seen') AND told.oa = :oa AND told.code = r.code
       AND h.at >= began.at - make_interval(secs => :skew){unheard}) AS told"""

# An echo that bears the id of a notice is that notice's own, and neither of the two is counted any more.
_UNHEARD = """
       AND NOT EXISTS (SELECT FROM receipts e
                       WHERE e.oa = told.oa AND e.message_id = told.message_id AND e.word = 'echo')"""

_STORY = """
LEFT JOIN followers f ON f.person_id = r.person_id OR f.id = r.follower_id
CROSS JOIN LATERAL (SELECT max(at) AS at FROM history WHERE notice_id = r.id AND after = 'sending') began
CROSS JOIN LATERAL (SELECT max(at) AS at FROM history WHERE notice_id = r.id AND after = 'uncertain') doubted"""

_ASKED = "r.id, r.code, r.kind, r.text, r.channel, f.user_id, began.at AS began"
_AGE = "EXTRACT(EPOCH FROM clock_timestamp() - doubted.at)::float8 AS age"

_TO_LOOK_UP = f"""
WITH looked AS (
    SELECT id FROM notices
    WHERE oa = :oa AND state = 'uncertain' AND due_at <= statement_timestamp() AND reason IS DISTINCT FROM :left
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
),
reserved AS (
    UPDATE notices n SET due_at = clock_timestamp() + make_interval(secs => :reserve)
    FROM looked WHERE n.id = looked.id
    RETURNING n.id, n.code, n.kind, n.text, n.person_id, n.follower_id, n.channel
)
SELECT {_ASKED}, {_AGE}, {_TOLD.format(unheard="")} FROM reserved r {_STORY}
"""


def to_look_up(tx: Connection, oa: str, *, limit: int) -> list[Doubt]:
    """The uncertain notices whose look is due; reserved for a while, so that no two processes ask for one."""
    rows = tx.execute(
        text(_TO_LOOK_UP), {"oa": oa, "limit": limit, "reserve": _RESERVE, "skew": SKEW.total_seconds(), "left": _LEFT}
    )
    return [_doubt(row) for row in rows]


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


_ECHOED = f"""
SELECT {_ASKED}, {_AGE}, {_TOLD.format(unheard=_UNHEARD)}, heard.ids, heard.ats
FROM (
    SELECT DISTINCT n.* FROM receipts e
    JOIN followers u ON u.oa = e.oa AND u.user_id = e.user_id
    JOIN notices n ON (n.person_id = u.person_id OR n.follower_id = u.id) AND n.oa = e.oa
    WHERE e.id = ANY(:looked) AND e.word = 'echo' AND n.state = 'uncertain'
      AND COALESCE(n.channel, 'zalo_cs') = 'zalo_cs'
      AND e.words = sha256(convert_to(n.text, 'UTF8'))
) r {_STORY}
CROSS JOIN LATERAL (
    SELECT array_agg(e.message_id ORDER BY e.at) AS ids, array_agg(e.at ORDER BY e.at) AS ats FROM receipts e
    WHERE e.oa = :oa AND e.word = 'echo' AND e.user_id = f.user_id AND e.words = sha256(convert_to(r.text, 'UTF8'))
      AND NOT EXISTS (SELECT FROM notices n WHERE n.oa = e.oa AND n.message_id = e.message_id)
) heard
WHERE heard.ids IS NOT NULL
"""


def settle_echoed(tx: Connection, oa: str, looked: Sequence[int], *, by: str) -> set[int]:
    """Settle what Zalo echoed: judged as the rows of a conversation are, but that silence proves nothing here.

    `looked` are the receipts that may tell something new; returns the ids that moved.
    """
    rows = tx.execute(text(_ECHOED), {"oa": oa, "looked": list(looked), "skew": SKEW.total_seconds()}).all()
    moves, codes = [], set()
    for row in rows:
        doubt = _doubt(row)
        shown = [Row(ours=True, at=at, text=row.text, message_id=id_) for id_, at in zip(row.ids, row.ats, strict=True)]
        if verdict(doubt.question, shown, complete=False) is Verdict.ARRIVED:
            newest = row.ids[-1]  # notices that read alike go one after the other: the last echo is this one's
            moves.append(Move(doubt.id, State.UNCERTAIN, State.SENT, why=_ECHO, channel="zalo_cs", message_id=newest))
            codes.add(doubt.code)
    moved = move(tx, moves, by=by)
    promote(tx, oa, codes, by=by)
    return moved


def _doubt(row: SqlRow[Any]) -> Doubt:
    question = Question(row.text or "", row.began, row.age, row.told)
    return Doubt(row.id, row.code, row.user_id, row.channel, question, row.kind)
