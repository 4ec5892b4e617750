"""From findings to the ledger, within the caller's transaction: people, notices, withdrawals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.event import Event, Withdrawal
from worker.domain.phone import Phone, Verdict, read_phone
from worker.ledger import cursors, notices
from worker.ledger.notices import NewNotice
from worker.ledger.people import People

_BY = "producer"

NOBODY: dict[Verdict, str] = {
    Verdict.MISSING: "no phone number",
    Verdict.LANDLINE: "landline",
    Verdict.NOT_A_PERSON: "service number",
    Verdict.INVALID: "invalid phone number",
}
"""Why a notice has no person, as an operator reads it beside the notice (R9)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, and since when it may count as fresh (UTC)."""

    event: Event
    fresh_at: datetime


def fresh_at(happened: datetime, unseen_since: datetime, now: datetime) -> datetime:
    """When an event can first have been seen (R15): its age counts from here.

    It cannot be older than the last poll that did not see it, whatever a back-dated row says; nor be younger
    than now.
    """
    return min(max(happened, unseen_since), now)


def record(tx: Connection, oa: str, people: People, seen: Iterable[Seen]) -> int:
    """Record what was not told and is not baseline; returns how many notices are new."""
    by_key = {one.event.key: one for one in seen}
    new = [by_key[key] for key in by_key.keys() & cursors.untold(tx, oa, list(by_key))]
    phones = {one.event.key: read_phone(one.event.phone) for one in new}
    ids = people.ids(tx, oa, {phone.e164 for phone in phones.values() if phone.e164})
    rows = [_notice(one, phones[one.event.key], ids) for one in new]
    return len(notices.record(tx, oa, rows))


def withdraw(tx: Connection, oa: str, withdrawals: Sequence[Withdrawal]) -> int:
    """Suppress what is no longer true and has not left; returns how many notices."""
    return len(notices.withdraw(tx, oa, withdrawals, by=_BY)) if withdrawals else 0


def _notice(seen: Seen, phone: Phone, ids: dict[str, int]) -> NewNotice:
    event = seen.event
    return NewNotice(
        event_key=event.key,
        code=event.code,
        kind=event.kind,
        unit=event.unit,
        facts=_facts(event),
        person_id=ids[phone.e164] if phone.e164 else None,
        no_person_because=None if phone.e164 else NOBODY[phone.verdict],
        event_at=event.at,
        fresh_at=seen.fresh_at,
    )


def _facts(event: Event) -> dict[str, Any]:
    """What the texts need and the event has: no personal data."""
    facts: dict[str, Any] = {}
    if event.amount is not None:
        facts["amount"] = event.amount
    if event.appointment_at is not None:
        facts["appointment_at"] = event.appointment_at.isoformat()
    if event.sms:
        facts["sms"] = True
    return facts
