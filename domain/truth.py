"""Decide what becomes of a recorded notice by what the source contains now: only a true notice leaves.

    the rule of its kind finds the event in the dossier's current state           keep, or correct its facts and person
    the rule does not find it, or returns a reason                                suppress
    a value that it depends on cannot be read (an oddity)                         that fact is not judged
    a value that it depends on is not in view (a payment, in a dossier's row)     that fact is not judged

Pure: `producers.dossiers.follows_source` reads the source, `ledger.notices.truth` writes the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from domain.dossier import Change, Payment, PaymentState, Status
from domain.event import EVERY, Event, Oddity, Retraction
from domain.kinds import KINDS
from domain.kinds.fees import BY_STATUS, CORRECTED, payment_of
from domain.lifecycle import TOLD, State

GONE = "the dossier is not in the source any more"
IGNORED = "the dossier is deleted, converted or not online any more"
NO_PAYMENT = "the fee is not in the source any more"

_KINDS = {kind.name: kind for kind in KINDS if kind.rule}
FOLLOWING = tuple(_KINDS)
"""The kinds that are about a dossier and therefore follow the source."""

OF_PAYMENTS = frozenset({"fee_requested", "fee_paid", "fee_reminder", CORRECTED})
"""The kinds whose fact belongs to a payment; a dossier's own row does not contain it."""

_OF_DATES = frozenset({"resumed", "apology", "appointment_changed", "supplement_reminder"})
"""The kinds for which another date is another event."""

FACTS = ("amount", "appointment_at", "deadline_at", "reason", "sms", "by_post")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A notice as recorded in the ledger: its facts, its person and its state."""

    id: int
    key: str
    code: str
    kind: str
    state: State
    facts: Mapping[str, Any]
    person_id: int | None
    no_person_because: str | None
    withdrawn: bool = False
    amiss: str | None = None  # why the told facts are no longer true, as far as known
    source_code: str | None = None  # the code as the source spells it; None where an older version recorded it

    @property
    def occurrence(self) -> str:
        return self.key.removeprefix(f"{self.code}/{self.kind}/")

    @property
    def was_told(self) -> bool:
        """Whether it has certainly left: then nothing in it changes any more."""
        return self.state in TOLD and self.state not in (State.SENDING, State.UNCERTAIN)

    @property
    def payment(self) -> str | None:
        """The id of its payment; None if the dossier's row contains all, as for a fee that came as a status."""
        if self.kind not in OF_PAYMENTS or self.occurrence.startswith(BY_STATUS):
            return None
        return payment_of(self.kind, self.occurrence)


@dataclass(frozen=True, slots=True)
class Said:
    """What the source contains about a notice now. `facts` is None if the notice's facts are not in view."""

    facts: Mapping[str, Any] | None
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient by the source: a person of the ledger, or why there is none, and the phone field, masked."""

    id: int | None
    fault: str | None = None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """The notice is still as it was recorded."""


@dataclass(frozen=True, slots=True)
class Correct:
    """The notice's facts or person have changed; `why` names which, without their values."""

    facts: Mapping[str, Any]
    person: Addressee
    why: str
    another_person: bool


@dataclass(frozen=True, slots=True)
class Suppress:
    """The notice is no longer true."""

    why: str


TruthVerdict: TypeAlias = Keep | Correct | Suppress


def facts_of(event: Event) -> dict[str, Any]:
    """The event's facts that the texts need, as JSON: no personal data."""
    facts: dict[str, Any] = {}
    if event.amount is not None:
        facts["amount"] = event.amount
    if event.appointment_at is not None:
        facts["appointment_at"] = event.appointment_at.isoformat()
    if event.deadline_at is not None:
        facts["deadline_at"] = event.deadline_at.isoformat()
    if event.reason is not None:
        facts["reason"] = event.reason.value
    if event.sms:
        facts["sms"] = True
    if event.by_post:
        facts["by_post"] = True
    return facts


def says(notice: Recorded, change: Change, now: datetime) -> Said | str:
    """What the source contains about this notice, or why it is no longer true. `change` is any row of its dossier."""
    dossier, kind = change.dossier, _KINDS[notice.kind]
    if not _in_view(notice, change) or _is_held(notice, change):
        return Said(None, dossier.phone)
    standing = replace(change, status=dossier.status, at=now)
    assert kind.rule is not None  # noqa: S101 (`_KINDS` has only kinds with a rule)
    for found in (kind.holds or kind.rule)(standing):
        match found:
            case Event() if found.key == notice.key:
                return Said(facts_of(found) | _unread(notice, change), found.phone)
            case Retraction() if _names(found.key, notice.key):
                return found.why
            case Oddity() if notice.payment and found.row == f"payments/{notice.payment}":
                return found.why
    return Said(None, dossier.phone) if _cannot_tell(notice, change) else kind.untrue


def decide(notice: Recorded, said: Said | str, person: Addressee) -> TruthVerdict:
    """What becomes of a notice that has not left, by what the source contains; `person` is found by `said.phone`."""
    if isinstance(said, str):
        return Suppress(said)
    told = dict(notice.facts)
    facts = told if said.facts is None else {**told, **dict.fromkeys(FACTS), **said.facts}
    facts = {name: value for name, value in facts.items() if value is not None}
    other = [name for name in FACTS if facts.get(name) != told.get(name)]
    no_person = None if person.id is not None else person.fault
    another = (person.id, no_person) != (notice.person_id, notice.no_person_because)
    if another:
        other.append("phone")
    return Correct(facts, person, f"corrected: {', '.join(other)}", another) if other else Keep()


def amiss(notice: Recorded, said: Said | str) -> str | None:
    """Why the told facts are no longer true, if staff have to know (docs/decisions/0014); else None."""
    if notice.kind == "result_ready" and isinstance(said, str):
        return f"told, and no longer so: {said}"
    if notice.kind in ("fee_requested", CORRECTED) and isinstance(said, Said) and said.facts is not None:
        told, now = notice.facts.get("amount"), said.facts.get("amount")
        return None if told == now else "told, and no longer so: the fee's amount was corrected"
    return None


def _in_view(notice: Recorded, change: Change) -> bool:
    """Whether this row contains the values on which the notice's truth depends."""
    payment = change.payment
    if notice.kind not in OF_PAYMENTS:
        return True
    if notice.occurrence.startswith(BY_STATUS):
        left = change.fees_by_status and change.dossier.status is not Status.OBLIGATION
        return left or _is_by_status(payment)
    return payment is not None and payment.id == notice.payment


def _is_held(notice: Recorded, change: Change) -> bool:
    """Whether an unknown word holds it back: then its truth cannot be decided (`ledger.notices.unknown_words`)."""
    return change.dossier.status is Status.UNKNOWN or any(
        _names(hold.key, notice.key) and (not hold.kinds or notice.kind in hold.kinds) for hold in change.holds
    )


def _unread(notice: Recorded, change: Change) -> dict[str, Any]:
    """The facts of this row that cannot be read: they stay as recorded."""
    odd = {one.field for one in change.oddities}
    return {name: notice.facts[name] for name in FACTS if name in odd and name in notice.facts}


def _cannot_tell(notice: Recorded, change: Change) -> bool:
    """Whether the event was not found only because a value that it depends on cannot be read."""
    odd = {one.field for one in change.oddities}
    return bool(odd if notice.kind in _OF_DATES else odd - set(FACTS))


def _is_by_status(payment: Payment | None) -> bool:
    return payment is not None and payment.by_status and payment.state is PaymentState.REQUESTED


def _names(withdrawn: str, key: str) -> bool:
    return key.startswith(withdrawn[: -len(EVERY)]) if withdrawn.endswith(EVERY) else key == withdrawn
