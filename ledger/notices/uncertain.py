"""Uncertain notices: which to look up now, and the verdict of a look. Their `due_at` is the time of the next look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import Row as SqlRow

from config.channels import USUAL, looked_up
from domain.lifecycle import State
from domain.settling import ConversationRow, DoubtQuestion, DoubtVerdict, Shown, ToldText, verdict
from ledger.base.clock import now
from ledger.notices.moves import Move, move
from ledger.notices.notices import promote

_ABSENT = "not in the conversation: it did not arrive"
_ECHO = "Zalo echoed its words: it arrived"
LEFT = "could not be settled by asking Zalo: an operator decides"
"""The reason of a notice that no automatic look will settle."""

_RESERVE = 30.0  # seconds: while one process looks, no other process does


@dataclass(frozen=True, slots=True)
class Doubt:
    """An uncertain notice with the facts needed to settle it.

    `tried_under` has the tags of its tries; they distinguish this doubt from an earlier one of the same notice.
    """

    id: int
    oa: str
    code: str
    key: str
    user_id: str | None = field(repr=False)
    channel: str | None
    question: DoubtQuestion
    kind: str = ""
    tried_under: str | None = None


_DOUBTED = """
LEFT JOIN followers f ON f.person_id = r.person_id OR f.id = r.follower_id
CROSS JOIN LATERAL (
    SELECT least(max(at) FILTER (WHERE after = 'sending'), r.maybe_since) AS began,
           max(at) FILTER (WHERE after = 'uncertain') AS doubted
    FROM history WHERE notice_id = r.id) AS past"""

# Other possible origins of rows in the conversation: other notices of the dossier, and messages sent to the user
# themselves, which may name dossiers. A notice that was in doubt itself and was given up is not sure.
_TOLD = """
LEFT JOIN LATERAL (
    SELECT array_agg(t.text) AS texts, array_agg(h.since) AS sinces, array_agg(h.until) AS untils,
           array_agg(t.sure) AS sures
    FROM (
        SELECT n.id, n.text, n.state IN ('sent', 'delivered', 'seen') AS sure, n.maybe_since, n.message_id
        FROM notices n WHERE n.oa = r.oa AND n.code = r.code AND n.id <> r.id AND n.text IS NOT NULL
        UNION
        SELECT n.id, n.text, n.state IN ('sent', 'delivered', 'seen') AS sure, n.maybe_since, n.message_id
        FROM notices n WHERE n.follower_id = f.id AND n.id <> r.id AND n.text IS NOT NULL
          AND n.recorded_at > past.began - interval '1 hour'
    ) AS t CROSS JOIN LATERAL (
        SELECT least(max(at) FILTER (WHERE after = 'sending'), t.maybe_since) AS since,
               CASE WHEN t.sure THEN min(at) FILTER (WHERE after = 'sent') ELSE clock_timestamp() END AS until,
               bool_or(after = 'uncertain') AS doubted
        FROM history WHERE notice_id = t.id
    ) AS h
    WHERE h.since IS NOT NULL AND h.until > past.began - interval '1 day' AND (t.sure OR h.doubted) {unheard}
) AS told ON true"""

# An echo with the message id of a notice belongs to that notice, and neither of the two is counted any more.
_UNHEARD = """
      AND NOT EXISTS (SELECT FROM receipts e WHERE e.oa = r.oa AND e.message_id = t.message_id AND e.word = 'echo')"""

_ASKED = """
    r.id, r.oa, r.code, r.event_key, r.kind, r.text, r.channel, r.tried_under, f.user_id, past.began,
    EXTRACT(EPOCH FROM clock_timestamp() - past.doubted)::float8 AS age,
    told.texts, told.sinces, told.untils, told.sures"""

_TO_LOOK_UP = f"""
WITH looked AS (
    SELECT id FROM notices
    WHERE oa = :oa AND state = 'uncertain' AND due_at <= statement_timestamp() AND reason IS DISTINCT FROM :left
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
),
reserved AS (
    UPDATE notices n SET due_at = clock_timestamp() + make_interval(secs => :reserve)
    FROM looked WHERE n.id = looked.id
    RETURNING n.id, n.oa, n.code, n.event_key, n.kind, n.text, n.person_id, n.follower_id, n.channel, n.tried_under,
              n.maybe_since
)
SELECT {_ASKED} FROM reserved r {_DOUBTED} {_TOLD.format(unheard="")}
"""


def to_look_up(tx: Connection, oa: str, *, limit: int) -> list[Doubt]:
    """The uncertain notices with a look due; reserved for a while, so that no two processes look up the same one."""
    rows = tx.execute(text(_TO_LOOK_UP), {"oa": oa, "limit": limit, "reserve": _RESERVE, "left": LEFT})
    return [_doubt(row) for row in rows]


def settle(tx: Connection, oa: str, arrived: Sequence[Doubt], not_arrived: Sequence[Doubt], *, by: str) -> set[int]:
    """Record verdicts, and promote the later notices of these dossiers; returns the ids that moved.

    A verdict on an earlier doubt of a notice does not settle a later one.
    """
    at = now(tx)
    moves = [
        *(_settled(d, State.SENT, why="found in the conversation") for d in arrived),
        *(_settled(d, State.DUE, why=_ABSENT, due_at=at) for d in not_arrived),
    ]
    moved = move(tx, moves, by=by)
    promote(tx, oa, {doubt.code for doubt in (*arrived, *not_arrived)}, by=by)
    return moved


def _settled(doubt: Doubt, after: State, **more: Any) -> Move:
    return Move(doubt.id, State.UNCERTAIN, after, doubt=doubt.tried_under or "", **more)


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
    """Mark that no automatic look will follow."""
    tx.execute(
        text("UPDATE notices SET reason = :left WHERE id = ANY(:ids) AND state = 'uncertain'"),
        {"ids": list(ids), "left": LEFT},
    )


_ECHOED = f"""
SELECT {_ASKED}, heard.ids, heard.ats
FROM (
    SELECT DISTINCT n.* FROM receipts e
    JOIN followers u ON u.oa = e.oa AND u.user_id = e.user_id
    JOIN notices n ON (n.person_id = u.person_id OR n.follower_id = u.id) AND n.oa = e.oa
    WHERE e.id = ANY(:looked) AND e.word = 'echo' AND n.state = 'uncertain'
      AND COALESCE(n.channel, :usual) = ANY(:looked_up)
      AND e.words = sha256(convert_to(n.text, 'UTF8'))
) r {_DOUBTED} {_TOLD.format(unheard=_UNHEARD)}
CROSS JOIN LATERAL (
    SELECT array_agg(e.message_id ORDER BY e.at) AS ids, array_agg(e.at ORDER BY e.at) AS ats FROM receipts e
    WHERE e.oa = :oa AND e.word = 'echo' AND e.user_id = f.user_id AND e.words = sha256(convert_to(r.text, 'UTF8'))
      AND NOT EXISTS (SELECT FROM notices n WHERE n.oa = e.oa AND n.message_id = e.message_id)
) heard
WHERE heard.ids IS NOT NULL
"""


def settle_echoed(tx: Connection, oa: str, looked: Sequence[int], *, by: str) -> set[int]:
    """Settle notices that Zalo echoed. They are judged like rows of a conversation, but silence proves nothing here.

    `looked` are the receipts that may be new evidence; returns the ids that moved.
    """
    moves, codes = [], set()
    values = {"oa": oa, "looked": list(looked), "usual": USUAL, "looked_up": looked_up()}
    for row in tx.execute(text(_ECHOED), values).all():
        doubt = _doubt(row)
        shown = [
            ConversationRow(ours=True, at=at, text=row.text, message_id=id_)
            for id_, at in zip(row.ids, row.ats, strict=True)
        ]
        if verdict(doubt.question, Shown(shown, complete=False, conclusive=False)) is DoubtVerdict.ARRIVED:
            newest = row.ids[-1]  # notices with equal texts go one after the other: the last echo is this one's
            moves.append(_settled(doubt, State.SENT, why=_ECHO, channel=doubt.channel or USUAL, message_id=newest))
            codes.add(doubt.code)
    moved = move(tx, moves, by=by)
    promote(tx, oa, codes, by=by)
    return moved


def _doubt(row: SqlRow[Any]) -> Doubt:
    columns = (row.texts or (), row.sinces or (), row.untils or (), row.sures or ())
    told = tuple(ToldText(*values) for values in zip(*columns, strict=True))
    question = DoubtQuestion(row.text or "", row.code, row.began, row.age, told)
    return Doubt(
        row.id, row.oa, row.code, row.event_key, row.user_id, row.channel, question, row.kind, row.tried_under
    )  # fmt: skip
