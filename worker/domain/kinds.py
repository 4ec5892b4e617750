"""The kinds of event and the rule of each: one row a kind, in the order in which they are told.

To add a kind: a rule here, a row in KINDS, a folder in templates/. A test fails if a half is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from worker.domain.dossier import Change, PaymentState, Status
from worker.domain.event import Event, Oddity, Withdrawal, event_key

Finding: TypeAlias = Event | Withdrawal | Oddity
Rule: TypeAlias = Callable[[Change], Finding | None]

_ONCE = "1"  # the occurrence of what is told once in a dossier's life (R40)

_TAKEN_IN = frozenset(
    {
        Status.ACCEPTED,
        Status.IN_PROGRESS,
        Status.SUPPLEMENT,
        Status.OBLIGATION,
        Status.STOPPED,
        Status.FINISHED,
        Status.RETURNED,
    }
)
_DONE = frozenset({Status.FINISHED, Status.RETURNED})


def accepted(change: Change) -> Finding | None:
    """Told at the first status that implies acceptance: 2 → 4 is automatic and fast, so 2 may be missed (R1)."""
    dossier = change.dossier
    if change.status not in _TAKEN_IN or dossier.accepted_at is None or dossier.status not in _TAKEN_IN:
        return None
    at = change.at if change.status is Status.ACCEPTED else min(dossier.accepted_at, change.at)
    return Event(
        code=dossier.code,
        kind="accepted",
        occurrence=_ONCE,
        at=at,
        phone=dossier.phone,
        unit=dossier.unit,
        appointment_at=dossier.appointment_at,
    )


def fee_requested(change: Change) -> Finding | None:
    """Told once per payment request (R12); one that is paid or cancelled before sending is not announced.

    A fee request is a row of its own, not a status: newer releases of the source never set status 6 for it.
    """
    payment, dossier = change.payment, change.dossier
    if payment is None or payment.state in (PaymentState.NOT_YET, PaymentState.EXEMPT):
        return None
    key = event_key(dossier.code, "fee_requested", payment.id)
    if payment.state is not PaymentState.REQUESTED:
        return Withdrawal(dossier.code, key, f"fee {payment.state}")
    if payment.amount is None or payment.amount <= 0:
        return Oddity(key, "a payment is requested but its amount is missing or not above zero")  # R19
    return Event(
        code=dossier.code,
        kind="fee_requested",
        occurrence=payment.id,
        at=payment.requested_at,
        phone=dossier.phone,
        unit=dossier.unit,
        amount=payment.amount,
    )


def result_ready(change: Change) -> Finding | None:
    """Told when 9 (or 10, where 9 was skipped) really gives a result (R39).

    Returned and withdrawn dossiers end in the same statuses and never get "đã giải quyết xong".
    """
    dossier = change.dossier
    if change.status not in _DONE or dossier.status not in _DONE or not dossier.result_given:
        return None
    return Event(
        code=dossier.code,
        kind="result_ready",
        occurrence=_ONCE,
        at=change.at,
        phone=dossier.phone,
        unit=dossier.unit,
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """`rank` orders events of one dossier that happened at the same moment.

    One without a rule is not found in the dossiers: it is told to somebody who begins to follow (R27).
    """

    name: str
    rank: int
    rule: Rule | None


WELCOME = "welcome"
PHONE_REQUEST = "phone_request"

CARDS = frozenset({PHONE_REQUEST})
"""Kinds that Zalo shows as a card of its own: the conversation does not repeat their words."""

KINDS: tuple[Kind, ...] = (
    Kind(WELCOME, 1, None),
    Kind(PHONE_REQUEST, 2, None),
    Kind("accepted", 10, accepted),
    Kind("fee_requested", 20, fee_requested),
    Kind("result_ready", 30, result_ready),
)

RANK: dict[str, int] = {kind.name: kind.rank for kind in KINDS}


def findings(change: Change) -> Iterator[Finding]:
    """All that the rules have to say about one change."""
    for kind in KINDS:
        finding = kind.rule(change) if kind.rule else None
        if isinstance(finding, Event) and change.dossier.sms:
            yield replace(finding, sms=True)
        elif finding is not None:
            yield finding
