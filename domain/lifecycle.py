"""Define the states of a notice, each in one sentence, and the moves between them, each written once.

The ledger moves a notice by compare-and-set and calls `may_move` first; docs/states.md shows the same table. The names
are stored in the ledger and shown to operators, so they never change meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    WAITING = "waiting"  # recorded, not due yet: an earlier notice of the same dossier is not finished
    QUARANTINED = "quarantined"  # kept back until an operator decides; blocks nothing, and does not age
    DUE = "due"  # may be sent from `due_at` on; a retry is a notice that is due in the future
    SENDING = "sending"  # a worker holds the lease
    SENT = "sent"  # Zalo accepted it; the message id is kept
    DELIVERED = "delivered"  # the person's phone has it
    SEEN = "seen"  # the person opened it
    UNCERTAIN = "uncertain"  # may or may not have arrived; being settled, never sent again on a guess
    UNREACHABLE = "unreachable"  # no channel reaches the person now; re-opened if they follow in time
    SUPPRESSED = "suppressed"  # a rule forbids it: paid, cancelled, returned, opted out
    DEAD = "dead"  # gave up; an operator retries or discards it
    EXPIRED = "expired"  # too old to be useful; an operator may still want it told
    DISCARDED = "discarded"  # dropped by an operator, with a name and a reason


_ARROWS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.DUE, State.SUPPRESSED, State.EXPIRED, State.QUARANTINED}),
    State.QUARANTINED: frozenset({State.WAITING, State.DUE, State.DISCARDED, State.EXPIRED, State.SUPPRESSED}),
    State.DUE: frozenset({State.SENDING, State.SUPPRESSED, State.EXPIRED, State.DISCARDED, State.QUARANTINED}),
    State.SENDING: frozenset({State.SENT, State.DUE, State.UNCERTAIN, State.UNREACHABLE, State.DEAD})
    | {State.SUPPRESSED, State.QUARANTINED},
    State.SENT: frozenset({State.DELIVERED, State.SEEN}),
    State.DELIVERED: frozenset({State.SEEN}),
    State.SEEN: frozenset(),
    State.UNCERTAIN: frozenset({State.SENT, State.DUE, State.DEAD, State.SUPPRESSED}),
    State.UNREACHABLE: frozenset({State.DUE, State.EXPIRED, State.SUPPRESSED}),
    State.SUPPRESSED: frozenset({State.WAITING}),  # a retracted event is true again, and was never told
    State.DEAD: frozenset({State.DUE, State.DISCARDED, State.SUPPRESSED}),
    State.EXPIRED: frozenset({State.DUE, State.SUPPRESSED}),
    State.DISCARDED: frozenset(),
}

_RECEIPTS = (State.DELIVERED, State.SEEN)
_BEARING = frozenset({State.SENT, State.DELIVERED})

BLOCKING = frozenset({State.WAITING, State.DUE, State.SENDING, State.UNCERTAIN})
"""A later notice of the same dossier waits while an earlier one is in one of these."""

LIVE = BLOCKING | {State.UNREACHABLE, State.DEAD, State.QUARANTINED}
"""States from which a worker, a sweep or an operator may still move a notice."""

FINISHED = frozenset(State) - LIVE

TOLD = frozenset({State.SENDING, State.SENT, State.DELIVERED, State.SEEN, State.UNCERTAIN})
"""The person has the notice, or may have it: no earlier event is told any more."""


def may_move(before: State, after: State) -> bool:
    """Whether the table above has this arrow."""
    return after in _ARROWS[before]


def borne_out(state: State, told: Iterable[State]) -> State | None:
    """The state to which receipts (`delivered`, `seen`), in any order and number, move a notice; None if none does.

    A receipt never moves a notice back, and is ignored for a notice that has not left.
    """
    farthest = max((after for after in told if may_move(state, after)), key=_RECEIPTS.index, default=None)
    return farthest if state in _BEARING else None


def leads_to(state: State) -> frozenset[State]:
    """The states that a notice in `state` may move to."""
    return _ARROWS[state]
