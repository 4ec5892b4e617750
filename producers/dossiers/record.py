"""From findings to the ledger, within the caller's transaction: people, notices, withdrawals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from producers.dossiers import memory
from producers.dossiers.memory import Weigh, depends
from worker.domain.code import normalize_code, parse_code
from worker.domain.event import Event, Withdrawal
from worker.domain.kinds import LASTING
from worker.domain.lane import Lane
from worker.domain.phone import Phone, fault_of, masked_field, read_phone
from worker.ledger import cursors, notices, sightings, withdrawals
from worker.ledger.notices import NewNotice
from worker.ledger.people import People
from worker.ledger.sightings import Sighting

_BY = "producer"
FLOOD = 1000  # notices at once: a bulk close, a gap that was caught up; they drain beside what happens meanwhile


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, since when it may count as fresh, and when the source was asked for it, if that is known (UTC).

    `asked_at` is a time of the ledger's clock, before the question; the newest one, where it was found several times.
    """

    event: Event
    fresh_at: datetime
    asked_at: datetime | None = None


def fresh_at(happened: datetime, unseen_since: datetime, now: datetime) -> datetime:
    """When an event can first have been seen (R15): its age counts from here.

    It cannot be older than the last poll that did not see it, whatever a back-dated row says; nor be younger
    than now.
    """
    return min(max(happened, unseen_since), now)


def record(tx: Connection, oa: str, people: People, seen: Iterable[Seen]) -> int:
    """Record what was not told and is not baseline; returns how many notices are new, or true again.

    What is switched off is remembered, in the same transaction.
    """
    by_key = {one.event.key: one for one in seen}
    new = cursors.untold(tx, oa, list(by_key))
    again = [by_key[key] for key in by_key.keys() - new if _may_come_back(by_key[key].event)]
    asked = {one.event.key: one.asked_at for one in again if one.asked_at and _has_one_voice(one.event)}
    revived = withdrawals.true_again(tx, oa, [one.event.key for one in again], by=_BY, asked=asked)
    found = [by_key[key].event for key in sorted(new)]
    events = [event for event in found if event.told]

    def tell(told: Iterable[Event]) -> int:
        return _tell(tx, oa, people, [by_key[event.key] for event in told])

    def weigh(question: Weigh, asked: Iterable[Event]) -> int:
        weighed = question(tx, oa, list(asked))
        _remember(tx, oa, weighed.same)
        return tell(weighed.tell)

    told = tell(event for event in events if not depends(event))
    # Each question sees the answers to the ones before it, and the rows of a page what other pages remembered.
    told += weigh(memory.fee_rows, filter(memory.is_fee_row, events))
    _remember(tx, oa, (event for event in found if not event.told))
    weighed_by = {event.key: memory.weighed_by(event) for event in events if depends(event)}
    for _, question in memory.QUESTIONS:
        told += weigh(question, (event for event in events if weighed_by.get(event.key) is question))
    return told + len(revived)


def withdraw(tx: Connection, oa: str, ended: Sequence[Withdrawal]) -> int:
    """Suppress what is no longer true and has not left; returns how many notices."""
    return len(withdrawals.withdraw(tx, oa, ended, by=_BY)) if ended else 0


def look_again(tx: Connection, oa: str, seen: Iterable[Seen], states: Sequence[Sighting]) -> None:
    """What was found true and stays withdrawn all the same is judged at the next look at its dossier.

    Another process was at it at that moment, or it changed while we read. To be called last.
    """
    keys = [one.event.key for one in seen if _may_come_back(one.event) and _has_one_voice(one.event)]
    if keys and (doubtful := withdrawals.disbelieved(tx, oa, keys)):
        sightings.doubt(tx, oa, [state.code for state in states if _spelling_of(state.code) in doubtful])


def _may_come_back(event: Event) -> bool:
    return event.told and event.kind in LASTING


def _has_one_voice(event: Event) -> bool:
    """Not a fee that comes as a row and as a status: the two may differ for a while, and the newer is not the truer."""
    return event.twin is None


def _spelling_of(code: str) -> str | None:
    """How the ledger spells what the source spells so."""
    try:
        return normalize_code(code)
    except ValueError:
        return None


def _tell(tx: Connection, oa: str, people: People, new: Sequence[Seen]) -> int:
    if not new:
        return 0
    phones = {one.event.key: read_phone(one.event.phone) for one in new}
    ids = people.ids(tx, oa, {phone.e164 for phone in phones.values() if phone.e164})
    lane = Lane.BULK if len(new) > FLOOD else Lane.SERVICE
    return len(notices.record(tx, oa, [_notice(one, phones[one.event.key], ids, lane) for one in new]))


def _remember(tx: Connection, oa: str, events: Iterable[Event]) -> None:
    """In one order for every process, so that two polls never wait for each other in a ring."""
    if keys := sorted(event.key for event in events):
        cursors.remember(tx, oa, keys)


def _notice(seen: Seen, phone: Phone, ids: dict[str, int], lane: Lane) -> NewNotice:
    event, parts = seen.event, parse_code(seen.event.code)
    fault = fault_of(phone)
    return NewNotice(
        event_key=event.key,
        code=event.code,
        kind=event.kind,
        unit=event.unit or (parts.unit if parts else None),
        facts=_facts(event),
        person_id=ids[phone.e164] if phone.e164 else None,
        no_person_because=None if phone.e164 else fault,
        event_at=event.at,
        fresh_at=seen.fresh_at,
        phone_fault=fault,
        phone_seen=masked_field(event.phone) if fault else None,
        lane=lane,
        source_row=event.row,
    )


def _facts(event: Event) -> dict[str, Any]:
    """What the texts need and the event has: no personal data."""
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
