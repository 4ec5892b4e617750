"""Rules for fees: requested, paid, corrected, and the reminder of an unpaid one."""

from __future__ import annotations

from collections.abc import Iterator

from domain.dossier import Change, Payment, PaymentState, Status
from domain.event import Oddity, Retraction, event_key
from domain.kinds.kind import Finding, event_of, over

BY_STATUS = "6-"  # prefix of the id of a fee that came as a status; the amount follows
CORRECTED = "fee_corrected"
_ASKED_FOR = frozenset({PaymentState.REQUESTED, PaymentState.UNKNOWN})  # or perhaps requested: then the event is held
_ASKED = "fee_asked"  # not a kind, so never told: remembers that a row requested this amount


def fee_requested(change: Change) -> Iterator[Finding]:
    """Told once per payment request (R12); one that is paid or cancelled before sending is not announced.

    A fee request is a row of its own, not a status: newer releases of the source never set status 6 for it, but older
    ones do. If a mapping counts both, a row and a status of the same amount are one request.
    """
    payment, dossier = change.payment, change.dossier
    if change.fees_by_status and dossier.status not in (Status.OBLIGATION, Status.UNKNOWN):
        yield over(dossier, "fee_requested", "the dossier went on", BY_STATUS)
    if payment is None or payment.state is PaymentState.NOT_YET:
        return
    if payment.state not in _ASKED_FOR:
        yield from _settled(dossier.code, payment, "fee_requested")
    elif payment.amount is None or payment.amount <= 0:
        said = (payment.by_status and payment.both) or _is_told(
            change, payment
        )  # then the row will report it, or reading this one already did
        if payment.state is PaymentState.REQUESTED and not said:
            why = "a payment is requested but its amount is missing or not above zero"  # R19
            yield Oddity(dossier.code, "amount", why, f"payments/{payment.id}")
    else:
        asked = event_of(dossier, _ASKED, str(payment.amount), payment.requested_at, told=False)
        as_status = event_key(dossier.code, "fee_requested", f"{BY_STATUS}{payment.amount}")
        facts: dict[str, str] = {}
        if payment.both:
            facts = {"twin": asked.key} if payment.by_status else {"twin": as_status, "paired": asked.key}
        own = {} if payment.by_status else {"own_at": payment.requested_at}
        at = payment.requested_at
        yield event_of(dossier, "fee_requested", payment.id, at, amount=payment.amount, **facts, **own)
        if payment.both and not payment.by_status and payment.state is PaymentState.REQUESTED:
            yield asked


def fee_paid(change: Change) -> Iterator[Finding]:
    """Told when the payment was received."""
    payment = change.payment
    if payment is not None and payment.state is PaymentState.PAID and payment.amount:
        at = payment.changed_at or payment.requested_at
        begun_at = payment.requested_at
        yield event_of(change.dossier, "fee_paid", payment.id, at, amount=payment.amount, begun_at=begun_at)


def fee_corrected(change: Change) -> Iterator[Finding]:
    """Told when the amount differs from the one that the person was told for this payment; only the ledger knows it."""
    payment, dossier = change.payment, change.dossier
    if payment is None or payment.by_status:
        return
    if payment.state is not PaymentState.REQUESTED:
        yield over(dossier, CORRECTED, f"fee {payment.state}", f"{payment.id}-")
    elif payment.amount and payment.amount > 0:
        at = payment.changed_at or payment.requested_at
        yield event_of(dossier, CORRECTED, f"{payment.id}-{payment.amount}", at, amount=payment.amount)


def payment_of(kind: str, occurrence: str) -> str:
    """The id of the payment in an occurrence of a fee's kind."""
    return occurrence.rpartition("-")[0] if kind == CORRECTED else occurrence


def fee_reminder(change: Change) -> Iterator[Finding]:
    """Told when a fee that was announced some days ago is still unpaid."""
    payment, dossier = change.payment, change.dossier
    if payment is None:
        return
    if payment.state not in _ASKED_FOR:
        yield from _settled(dossier.code, payment, "fee_reminder")
    elif payment.amount and payment.state is PaymentState.REQUESTED:
        yield event_of(dossier, "fee_reminder", payment.id, change.at, amount=payment.amount)


def _is_told(change: Change, payment: Payment) -> bool:
    """Whether reading the row already reported a fault in the amount of this payment."""
    return any(one.field == "amount" and one.row == f"payments/{payment.id}" for one in change.oddities)


def _settled(code: str, payment: Payment, kind: str) -> Iterator[Retraction]:
    why = f"fee {payment.state}"
    yield Retraction(code, event_key(code, kind, payment.id), why)
    if payment.both and not payment.by_status:
        yield Retraction(code, event_key(code, kind, f"{BY_STATUS}{payment.amount}"), why)
