"""Zalo's receipts for messages: received on the phone, seen, and echoes of what the OA sent.

A receipt may come before our own commit, twice, or out of order (incident 7). So each is stored first, and applied once
its notice is there. The wait before the next look equals its age so far, and in the end it is forgotten.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from config.channels import USUAL, looked_up, marked_by
from domain.lifecycle import State, borne_out
from domain.tracking import notice_in, tracking_id
from ledger.base.clock import EARLIER, host_now
from ledger.notices import uncertain
from ledger.notices.moves import Move, move
from ledger.notices.notices import promote

RECEIVED, SEEN, ECHO = "received", "seen", "echo"

_BY = "zalo"
_PAGE = 1000
_KEPT = {RECEIVED: timedelta(days=3), SEEN: timedelta(days=3), ECHO: timedelta(hours=1)}
_STATES = {RECEIVED: State.DELIVERED, SEEN: State.SEEN}


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt for one message. `mark` is our own tracking id; only an echo has user and text."""

    word: str
    message_id: str
    at: datetime
    mark: str | None = None
    user_id: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)


_KEEP = """
INSERT INTO receipts (oa, word, message_id, mark, user_id, words, at, received_at, look_at, kept_until)
SELECT :oa, word, message_id, mark, user_id, words, at, now(), now(), now() + make_interval(secs => kept)
FROM unnest(CAST(:words AS text[]), CAST(:messages AS text[]), CAST(:marks AS text[]), CAST(:users AS text[]),
            CAST(:hashes AS bytea[]), CAST(:ats AS timestamptz[]), CAST(:kept AS float8[]))
AS w (word, message_id, mark, user_id, words, at, kept)
ON CONFLICT ON CONSTRAINT receipts_oa_message_word DO NOTHING
"""


def keep(tx: Connection, oa: str, receipts: Sequence[Receipt]) -> None:
    """Store receipts until they can be applied; a stored one stays as it is."""
    if not receipts:
        return
    values = {
        "words": [r.word for r in receipts],
        "messages": [r.message_id for r in receipts],
        "marks": [r.mark for r in receipts],
        "users": [r.user_id for r in receipts],
        "hashes": [hashlib.sha256(r.text.encode()).digest() if r.text is not None else None for r in receipts],
        "ats": [r.at for r in receipts],
        "kept": [_KEPT[r.word].total_seconds() for r in receipts],
    }
    tx.execute(text(_KEEP), {"oa": oa, **values})


def apply(tx: Connection, oa: str) -> int:
    """Apply the receipts whose look is due; returns how many notices moved."""
    due = text("SELECT id FROM receipts WHERE oa = :oa AND look_at <= now() ORDER BY look_at LIMIT :page FOR UPDATE")
    looked = list(tx.execute(due, {"oa": oa, "page": _PAGE}).scalars())
    if not looked:
        return 0
    settled = uncertain.settle_echoed(tx, oa, looked, by=_BY) | _settle_tracked(tx, oa, looked)
    borne = _bear(tx, oa, looked, settled | _name(tx, oa, looked))
    _put_off(tx, looked)
    return len(settled | borne)


_MARKED = "SELECT message_id, mark FROM receipts WHERE id = ANY(:looked) AND mark IS NOT NULL"
_DOUBTED = """
SELECT id, oa, event_key, code, channel FROM notices WHERE id = ANY(:ids) AND oa = :oa AND state = 'uncertain'"""


def _settle_tracked(tx: Connection, oa: str, looked: Sequence[int]) -> set[int]:
    """A delivery event that returns our tracking id proves that an uncertain notice arrived."""
    rows = tx.execute(text(_MARKED), {"looked": list(looked)})
    came = {notice_in(row.mark): row for row in rows}
    doubted = tx.execute(text(_DOUBTED), {"ids": [id_ for id_ in came if id_], "oa": oa})
    proven = [row for row in doubted if tracking_id(row.id, row.oa, row.event_key) == came[row.id].mark]
    why = "Zalo brought back its tracking id"
    moves = [
        Move(
            row.id,
            State.UNCERTAIN,
            State.SENT,
            why=why,
            channel=marked_by(row.channel),
            message_id=came[row.id].message_id,
        )
        for row in proven
    ]
    moved = move(tx, moves, by=_BY)
    promote(tx, oa, {row.code for row in proven}, by=_BY)
    return moved


_NAME = """
UPDATE notices n SET message_id = found.message_id
FROM (
    SELECT DISTINCT ON (m.id) m.id, e.message_id FROM receipts e
    JOIN followers u ON u.oa = e.oa AND u.user_id = e.user_id
    JOIN notices m ON (m.person_id = u.person_id OR m.follower_id = u.id) AND m.oa = e.oa
    WHERE e.id = ANY(:looked) AND e.oa = :oa AND e.word = 'echo' AND m.state = 'sent' AND m.message_id IS NULL
      AND COALESCE(m.channel, :usual) = ANY(:looked_up) AND e.words = sha256(convert_to(m.text, 'UTF8'))
      AND NOT EXISTS (SELECT FROM notices k WHERE k.oa = e.oa AND k.message_id = e.message_id)
    ORDER BY m.id, e.at DESC
) found
WHERE n.id = found.id
RETURNING n.id
"""


def _name(tx: Connection, oa: str, looked: Sequence[int]) -> set[int]:
    """Give a notice that was found in the conversation, or settled by an operator, its message id from the echo.

    Without it no receipt would ever match the notice.
    """
    values = {"looked": list(looked), "oa": oa, "usual": USUAL, "looked_up": looked_up()}
    return set(tx.execute(text(_NAME), values).scalars())


# Words that only a newer version knows are left to it.
_BORNE = f"""
SELECT r.id AS receipt, r.word, r.at, n.id, n.state FROM receipts r
JOIN notices n ON n.oa = r.oa AND n.message_id = r.message_id AND n.state IN ('sent', 'delivered')
WHERE r.oa = :oa AND r.word IN ('{RECEIVED}', '{SEEN}') AND r.id = ANY(:looked)
UNION
SELECT r.id, r.word, r.at, n.id, n.state FROM notices n
JOIN receipts r ON r.oa = n.oa AND r.message_id = n.message_id
WHERE n.id = ANY(:settled) AND n.oa = :oa AND n.state IN ('sent', 'delivered') AND r.word IN ('{RECEIVED}', '{SEEN}')
"""


def _bear(tx: Connection, oa: str, looked: Sequence[int], settled: Collection[int]) -> set[int]:
    """Move each notice as far as its receipts show, and delete these receipts."""
    rows = tx.execute(text(_BORNE), {"oa": oa, "looked": list(looked), "settled": list(settled)}).all()
    told: dict[int, dict[State, datetime]] = defaultdict(dict)
    before = {row.id: State(row.state) for row in rows}
    for row in rows:
        told[row.id][_STATES[row.word]] = row.at
    moves = [
        Move(notice, before[notice], after, why=f"Zalo: {_utc(states[after])}")
        for notice, states in told.items()
        if (after := borne_out(before[notice], states)) is not None
    ]
    moved = move(tx, moves, by=_BY)
    done = [row.receipt for row in rows]
    tx.execute(text("DELETE FROM receipts WHERE id = ANY(:done)"), {"done": done})
    return moved


def _put_off(tx: Connection, looked: Sequence[int]) -> None:
    """Set the next look after as long as they have waited; delete receipts that waited long enough by two clocks."""
    over = text(f"DELETE FROM receipts WHERE id = ANY(:ids) AND kept_until < {EARLIER}")
    tx.execute(over, {"ids": list(looked), **host_now()})
    tx.execute(
        text("""
            UPDATE receipts SET look_at = LEAST(now() + GREATEST(now() - received_at, interval '1 second'), kept_until)
            WHERE id = ANY(:ids)"""),
        {"ids": list(looked)},
    )


def _utc(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
