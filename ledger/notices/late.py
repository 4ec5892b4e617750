"""Answers that arrive after their lease was lost: an acceptance settles the doubt that arose under that very lease."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from domain.lifecycle import State
from domain.notice import Attempt
from domain.retry import Decision
from domain.tries import tag_of
from ledger.base.arrays import column
from ledger.notices.moves import Move, move

_WHY = "its answer came after the lease was lost: it arrived"

# By the event's key, not by id: after a fail-over an id may belong to another notice.
_FOUND = """
SELECT n.id, n.state, n.tried_under, w.message_id, w.channel
FROM unnest(CAST(:oas AS text[]), CAST(:keys AS text[]), CAST(:tags AS text[]), CAST(:messages AS text[]),
            CAST(:channels AS text[])) AS w (oa, key, tag, message_id, channel)
JOIN notices n ON n.oa = w.oa AND n.event_key = w.key
WHERE n.state IN ('uncertain', 'due') AND strpos(n.tried_under, w.tag) > 0
ORDER BY n.id FOR UPDATE OF n
"""


def settle_own_doubts(tx: Connection, late: Sequence[tuple[Attempt, Decision]], *, by: str) -> set[int]:
    """Settle doubts by late acceptances: `late` are attempts whose notice is no longer under their lease.

    A notice settled as "did not arrive" meanwhile, and due again, is marked as sent before it is sent again. Returns
    the ids that moved.
    """
    sent = [(attempt, decision) for attempt, decision in late if decision.state is State.SENT]
    if not sent:
        return set()
    values = {
        "oas": column(attempt.notice.oa for attempt, _ in sent),
        "keys": column(attempt.notice.key for attempt, _ in sent),
        "tags": column(tag_of(attempt.notice.lease) for attempt, _ in sent),
        "messages": column(decision.message_id for _, decision in sent),
        "channels": column(attempt.channel for attempt, _ in sent),
    }
    found = tx.execute(text(_FOUND), values).all()
    due = [row for row in found if row.state == State.DUE]
    move(tx, [Move(row.id, State.DUE, State.SENDING, why=_WHY) for row in due], by=by)
    moves = [
        Move(
            row.id, State.SENDING if row in due else State.UNCERTAIN, State.SENT, why=_WHY, channel=row.channel,
            message_id=row.message_id,
        )
        for row in found
    ]  # fmt: skip
    return move(tx, moves, by=by)
