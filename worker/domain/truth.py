"""Only what is true leaves: a notice as it is recorded, and what the source says of it now, lead to one decision.

    the rule of its kind, asked of the dossier as it stands, finds the event      keep, or correct its facts and person
    it does not, or says why                                                      suppress
    what it depends on cannot be read (an oddity)                                 nothing is said about that fact
    what it depends on is not in view (a payment, in a row of the dossier)        nothing is said about that fact

Pure: who reads the source is `producers.dossiers.follows_source`, who writes is `worker.ledger.truth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from worker.domain.dossier import Change, Payment, PaymentState, Status
from worker.domain.event import EVERY, Event, Oddity, Withdrawal
from worker.domain.kinds import KINDS
from worker.domain.kinds.fees import BY_STATUS, CORRECTED, payment_of
from worker.domain.lifecycle import TOLD, State

GONE = "the dossier is not in the source any more"
IGNORED = "the dossier is deleted, converted or not online any more"
NO_PAYMENT = "the fee is not in the source any more"

_KINDS = {kind.name: kind for kind in KINDS if kind.rule}
FOLLOWING = tuple(_KINDS)
"""The kinds that tell of a dossier, and so follow the source."""

OF_PAYMENTS = frozenset({"fee_requested", "fee_paid", "fee_reminder", CORRECTED})
"""The kinds whose fact is a payment's, which a dossier's own row does not have."""

_OF_DATES = frozenset({"resumed", "apology", "appointment_changed", "supplement_reminder"})
"""The kinds that are another event with another date."""

FACTS = ("amount", "appointment_at", "deadline_at", "reason", "sms")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A notice as the ledger has it: what it tells, whom, and where it stands."""

    id: int
    key: str
    code: str
    kind: str
    state: State
    facts: Mapping[str, Any]
    person_id: int | None
    no_person_because: str | None
    withdrawn: bool = False
    amiss: str | None = None  # why what was told is not so any more, as far as it is known
    source_code: str | None = None  # the code as the source spells it; None where an older version recorded it

    @property
    def occurrence(self) -> str:
        return self.key.removeprefix(f"{self.code}/{self.kind}/")

    @property
    def was_told(self) -> bool:
        """It has left for certain: nothing of it changes any more."""
        return self.state in TOLD and self.state not in (State.SENDING, State.UNCERTAIN)

    @property
    def payment(self) -> str | None:
        """The payment that it tells of; None where a dossier says all, also of a fee that came as a status."""
        if self.kind not in OF_PAYMENTS or self.occurrence.startswith(BY_STATUS):
            return None
        return payment_of(self.kind, self.occurrence)


@dataclass(frozen=True, slots=True)
class Said:
    """What the source says of a notice now. `facts` is None where what it tells is not in view."""

    facts: Mapping[str, Any] | None
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """To whom it goes by what the source says: a person of the ledger, or why there is none, and that field, masked."""

    id: int | None
    fault: str | None = None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """It is as it was recorded."""


@dataclass(frozen=True, slots=True)
class Correct:
    """Its facts or its person are others now; `why` names which, without data."""

    facts: Mapping[str, Any]
    person: Person
    why: str
    another_person: bool


@dataclass(frozen=True, slots=True)
class Suppress:
    """It is not so any more."""

    why: str


Verdict: TypeAlias = Keep | Correct | Suppress


def facts_of(event: Event) -> dict[str, Any]:
    """What the texts need and the event has, as JSON: no personal data."""
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
    return facts


def says(notice: Recorded, change: Change, now: datetime) -> Said | str:
    """What the source says of this notice, or why it is not so any more. `change` is any row of its dossier."""
    dossier, kind = change.dossier, _KINDS[notice.kind]
    if not _in_view(notice, change) or _is_held(notice, change):
        return Said(None, dossier.phone)
    standing = replace(change, status=dossier.status, at=now)
    assert kind.rule is not None  # noqa: S101 (what `_KINDS` holds)
    for found in (kind.holds or kind.rule)(standing):
        match found:
            case Event() if found.key == notice.key:
                return Said(facts_of(found) | _unread(notice, change), found.phone)
            case Withdrawal() if _names(found.key, notice.key):
                return found.why
            case Oddity() if notice.payment and found.row == f"payments/{notice.payment}":
                return found.why
    return Said(None, dossier.phone) if _cannot_tell(notice, change) else kind.untrue


def decide(notice: Recorded, said: Said | str, person: Person) -> Verdict:
    """What becomes of a notice that has not left, by what the source says; `person` is whom `said.phone` leads to."""
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
    """Why what was told is not so any more, where staff have to know of it (docs/decisions/0014); else None."""
    if notice.kind == "result_ready" and isinstance(said, str):
        return f"told, and no longer so: {said}"
    if notice.kind in ("fee_requested", CORRECTED) and isinstance(said, Said) and said.facts is not None:
        told, now = notice.facts.get("amount"), said.facts.get("amount")
        return None if told == now else "told, and no longer so: the fee's amount was corrected"
    return None


def _in_view(notice: Recorded, change: Change) -> bool:
    """Whether this row holds what the notice's truth depends on."""
    payment = change.payment
    if notice.kind not in OF_PAYMENTS:
        return True
    if notice.occurrence.startswith(BY_STATUS):
        left = change.fees_by_status and change.dossier.status is not Status.OBLIGATION
        return left or _is_by_status(payment)
    return payment is not None and payment.id == notice.payment


def _is_held(notice: Recorded, change: Change) -> bool:
    """Whether a word that is not known keeps it back: then nobody can say whether it is so (`worker.ledger.holds`)."""
    return change.dossier.status is Status.UNKNOWN or any(
        _names(hold.key, notice.key) and (not hold.kinds or notice.kind in hold.kinds) for hold in change.holds
    )


def _unread(notice: Recorded, change: Change) -> dict[str, Any]:
    """The facts that this row would tell if they could be read: they stay as they were recorded."""
    odd = {one.field for one in change.oddities}
    return {name: notice.facts[name] for name in FACTS if name in odd and name in notice.facts}


def _cannot_tell(notice: Recorded, change: Change) -> bool:
    """Whether it was not found only because something that it depends on cannot be read."""
    odd = {one.field for one in change.oddities}
    return bool(odd if notice.kind in _OF_DATES else odd - set(FACTS))


def _is_by_status(payment: Payment | None) -> bool:
    return payment is not None and payment.by_status and payment.state is PaymentState.REQUESTED


def _names(withdrawn: str, key: str) -> bool:
    return key.startswith(withdrawn[: -len(EVERY)]) if withdrawn.endswith(EVERY) else key == withdrawn
