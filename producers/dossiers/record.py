"""From findings to the ledger, within the caller's transaction: people, notices, withdrawals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from producers.dossiers import memory
from producers.dossiers.faults import DOSSIER_HOLDS, FEES, PAYMENT_HOLDS
from producers.dossiers.findings import Found
from producers.dossiers.guarding import Guarding
from producers.dossiers.memory import Weigh, depends
from producers.dossiers.seen import FLOOD, Seen
from worker.domain.code import normalize_code, parse_code
from worker.domain.event import EVERY, Event, Withdrawal, WordHold, event_key
from worker.domain.kinds import LASTING
from worker.domain.lane import Lane
from worker.domain.phone import Phone, fault_of, masked_field, read_phone
from worker.domain.truth import facts_of
from worker.ledger import cursors, holds, notices, oddities, sightings, withdrawals
from worker.ledger.holds import Reading
from worker.ledger.notices import NewNotice
from worker.ledger.people import People
from worker.ledger.sightings import Sighting

_BY = "producer"


def fresh_at(happened: datetime, unseen_since: datetime, now: datetime) -> datetime:
    """When an event can first have been seen (R15): its age counts from here.

    It cannot be older than the last poll that did not see it, whatever a back-dated row says; nor be younger
    than now.
    """
    return min(max(happened, unseen_since), now)


def record(
    tx: Connection,
    oa: str,
    people: People,
    seen: Iterable[Seen],
    guarding: Guarding | None = None,
    *,
    formers: Mapping[str, str] | None = None,
) -> int:
    """Record what was not told and is not baseline; returns how many notices are new, or true again.

    What is switched off is remembered, in the same transaction; so is what was told under the dossier's former code
    (`formers`, by code). What the guard keeps back is recorded as that.
    """
    by_key = {one.event.key: one for one in seen}
    new = cursors.untold(tx, oa, list(by_key))
    if formers:
        new -= _told_before(tx, oa, [by_key[key].event for key in new], formers)
    again = [by_key[key] for key in by_key.keys() - new if _may_come_back(by_key[key].event)]
    asked = {one.event.key: one.asked_at for one in again if one.asked_at and _has_one_voice(one.event)}
    revived = withdrawals.true_again(tx, oa, [one.event.key for one in again], by=_BY, asked=asked)
    found = [by_key[key].event for key in sorted(new)]
    events = [event for event in found if event.told]

    def tell(told: Iterable[Event]) -> int:
        return _tell(tx, oa, people, [by_key[event.key] for event in told], guarding)

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


def _told_before(tx: Connection, oa: str, events: Iterable[Event], formers: Mapping[str, str]) -> set[str]:
    """Those of these events that were told, or were there, under a former code: remembered under the new one."""
    before = {
        event_key(formers[event.code], event.kind, event.occurrence): event for event in events if event.code in formers
    }
    known = [before[key] for key in before.keys() - cursors.untold(tx, oa, list(before))]
    _remember(tx, oa, known)
    return {event.key for event in known}


def withdraw(tx: Connection, oa: str, ended: Sequence[Withdrawal]) -> int:
    """Suppress what is no longer true and has not left; returns how many notices."""
    return len(withdrawals.withdraw(tx, oa, ended, by=_BY)) if ended else 0


def set_aside(
    tx: Connection, oa: str, found: Sequence[Found], *, asked_at: datetime | None, doubtful: Iterable[str] = ()
) -> None:
    """Keep what could not be read, and what it keeps back; let go what was read well again.

    `asked_at` is a time of the ledger's clock before the source was asked; `doubtful` are dossiers, as the source
    spells them, that are judged anew at the next look.
    """
    read = {one for page in found for one in page.read}
    odd = {one for page in found for one in page.oddities}
    held = {one for page in found for one in page.holds}
    oddities.keep(tx, oa, odd, read)
    holds.let_go(tx, oa, _readings(read, held), asked_at=asked_at, by=_BY)
    holds.keep_back(tx, oa, held, by=_BY)
    sightings.doubt(tx, oa, set(doubtful))


def _readings(read: Iterable[tuple[str, str]], held: Iterable[WordHold]) -> list[Reading]:
    """Which fields of which events were read well: the dossier's own, and those of each payment."""
    faulty: dict[str, set[str]] = {}
    for hold in held:
        faulty.setdefault(hold.key, set()).add(hold.field)
    readings = []
    for code, row in read:
        if not row:
            key, fields = f"{code}/{EVERY}", frozenset(DOSSIER_HOLDS)
            readings.append(Reading(code, key, fields - faulty.get(key, set())))
        elif row.startswith("payments/"):
            keys = [event_key(code, kind, row.removeprefix("payments/")) for kind in FEES]
            readings += [Reading(code, key, PAYMENT_HOLDS - faulty.get(key, set())) for key in keys]
    return readings


def look_again(tx: Connection, oa: str, seen: Iterable[Seen], states: Sequence[Sighting]) -> None:
    """What was found true and stays withdrawn all the same is judged at the next look at its dossier.

    Another process was at it at that moment, or it changed while we read. To be called last.
    """
    keys = [one.event.key for one in seen if _may_come_back(one.event) and _has_one_voice(one.event)]
    if keys and (doubtful := withdrawals.disbelieved(tx, oa, keys)):
        sightings.doubt(tx, oa, [state.code for state in states if _spelling_of(state.code) in doubtful])


def spelt(states: Sequence[Sighting], codes: Collection[str]) -> set[str]:
    """These codes as the source spells them, where a page showed it."""
    if not codes:
        return set()
    known = {_spelling_of(state.code): state.code for state in states}
    return {known.get(code, code) for code in codes}


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


def _tell(tx: Connection, oa: str, people: People, new: Sequence[Seen], guarding: Guarding | None) -> int:
    if not new:
        return 0
    kept = guarding.keep_back(tx, [one.event for one in new]) if guarding else {}
    phones = {one.event.key: read_phone(one.event.phone) for one in new}
    ids = people.ids(tx, oa, {phone.e164 for phone in phones.values() if phone.e164})
    lane = Lane.BULK if len(new) - len(kept) > FLOOD else Lane.SERVICE
    told = [_notice(one, phones[one.event.key], ids, lane, kept.get(one.event.key)) for one in new]
    return len(notices.record(tx, oa, told))


def _remember(tx: Connection, oa: str, events: Iterable[Event]) -> None:
    """In one order for every process, so that two polls never wait for each other in a ring."""
    if keys := sorted(event.key for event in events):
        cursors.remember(tx, oa, keys)


def _notice(seen: Seen, phone: Phone, ids: dict[str, int], lane: Lane, kept_because: str | None) -> NewNotice:
    event, parts = seen.event, parse_code(seen.event.code)
    fault = fault_of(phone)
    return NewNotice(
        event_key=event.key,
        code=event.code,
        kind=event.kind,
        unit=event.unit or (parts.unit if parts else None),
        facts=facts_of(event),
        person_id=ids[phone.e164] if phone.e164 else None,
        no_person_because=None if phone.e164 else fault,
        event_at=event.at,
        fresh_at=seen.fresh_at,
        phone_fault=fault,
        phone_seen=masked_field(event.phone) if fault else None,
        lane=lane,
        source_row=event.row,
        asked_at=seen.asked_at,
        source_code=event.source_code,
        happened_at=event.own_at,
        kept_because=kept_because,
        held=event.held,
    )
