"""Writes findings to the ledger within the caller's transaction: people, notices, retractions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from domain.code import normalize_code, parse_code
from domain.event import EVERY, Event, Retraction, WordHold, event_key
from domain.kinds import LASTING
from domain.lane import Lane
from domain.phone import Phone, fault_of, masked_field, read_phone
from domain.truth import facts_of
from ledger.notices import notices, retractions, unknown_words
from ledger.notices.notices import NewNotice
from ledger.notices.unknown_words import Reading
from ledger.people.people import People
from ledger.source import cursors, fingerprints, oddities
from ledger.source.fingerprints import Fingerprint
from producers.dossiers import corroboration
from producers.dossiers.corroboration import Weigh, depends
from producers.dossiers.faults import DOSSIER_HOLDS, FEES, PAYMENT_HOLDS
from producers.dossiers.findings import PageFindings
from producers.dossiers.guarding import Guarding
from producers.dossiers.seen import FLOOD, Seen

_BY = "producer"


def fresh_at(happened: datetime, unseen_since: datetime, now: datetime) -> datetime:
    """The earliest time at which an event can have been seen (R15); its age counts from here.

    It is no earlier than the last poll that did not see the event, whatever a back-dated row says, and no later than
    now.
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
    """Record the events that were not told and are not baseline; returns how many notices are new, or true again.

    The same transaction remembers events of kinds that are switched off, and events that were told under the dossier's
    former code (`formers`, by code). Events that the guard keeps back are recorded as kept back.
    """
    by_key = {one.event.key: one for one in seen}
    new = cursors.untold(tx, oa, list(by_key))
    if formers:
        new -= _told_before(tx, oa, [by_key[key].event for key in new], formers)
    again = [by_key[key] for key in by_key.keys() - new if _may_come_back(by_key[key].event)]
    asked = {one.event.key: one.asked_at for one in again if one.asked_at and _has_one_voice(one.event)}
    revived = retractions.true_again(tx, oa, [one.event.key for one in again], by=_BY, asked=asked)
    found = [by_key[key].event for key in sorted(new)]
    events = [event for event in found if event.told]

    def tell(told: Iterable[Event]) -> int:
        return _tell(tx, oa, people, [by_key[event.key] for event in told], guarding)

    def weigh(question: Weigh, asked: Iterable[Event]) -> int:
        weighed = question(tx, oa, list(asked))
        _remember(tx, oa, weighed.same)
        return tell(weighed.tell)

    told = tell(event for event in events if not depends(event))
    # Each question sees the answers to the earlier ones, and the rows of a page see what other pages remembered.
    told += weigh(corroboration.fee_rows, filter(corroboration.is_fee_row, events))
    _remember(tx, oa, (event for event in found if not event.told))
    weighed_by = {event.key: corroboration.weighed_by(event) for event in events if depends(event)}
    for _, question in corroboration.QUESTIONS:
        told += weigh(question, (event for event in events if weighed_by.get(event.key) is question))
    return told + len(revived)


def _told_before(tx: Connection, oa: str, events: Iterable[Event], formers: Mapping[str, str]) -> set[str]:
    """Remember, under the new code, events that were told or baseline under a former one; returns their keys."""
    before = {
        event_key(formers[event.code], event.kind, event.occurrence): event for event in events if event.code in formers
    }
    known = [before[key] for key in before.keys() - cursors.untold(tx, oa, list(before))]
    _remember(tx, oa, known)
    return {event.key for event in known}


def retract(tx: Connection, oa: str, ended: Sequence[Retraction]) -> int:
    """Suppress the notices of retracted events that have not left; returns how many."""
    return len(retractions.retract(tx, oa, ended, by=_BY)) if ended else 0


def set_aside(
    tx: Connection, oa: str, found: Sequence[PageFindings], *, asked_at: datetime | None, doubtful: Iterable[str] = ()
) -> None:
    """Record the oddities and hold back the notices that depend on them; release those whose fields are readable again.

    `asked_at` is a time of the ledger's clock before the source was queried; `doubtful` are dossiers, in the source's
    spelling, that are judged anew when next read.
    """
    read = {one for page in found for one in page.read}
    odd = {one for page in found for one in page.oddities}
    held = {one for page in found for one in page.holds}
    oddities.keep(tx, oa, odd, read)
    unknown_words.let_go(tx, oa, _readings(read, held), asked_at=asked_at, by=_BY)
    unknown_words.keep_back(tx, oa, held, by=_BY)
    fingerprints.doubt(tx, oa, set(doubtful))


def _readings(read: Iterable[tuple[str, str]], held: Iterable[WordHold]) -> list[Reading]:
    """Which fields of which events were read without fault: the dossier's own, and those of each payment."""
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


def look_again(tx: Connection, oa: str, seen: Iterable[Seen], states: Sequence[Fingerprint]) -> None:
    """Mark dossiers for a new judgement if an event was found true but its notice stays retracted.

    Another process was working on it at that moment, or it changed during our reading. Must be called last.
    """
    keys = [one.event.key for one in seen if _may_come_back(one.event) and _has_one_voice(one.event)]
    if keys and (doubtful := retractions.disbelieved(tx, oa, keys)):
        fingerprints.doubt(tx, oa, [state.code for state in states if _spelling_of(state.code) in doubtful])


def spelt(states: Sequence[Fingerprint], codes: Collection[str]) -> set[str]:
    """These codes in the source's spelling, if a page contains it."""
    if not codes:
        return set()
    known = {_spelling_of(state.code): state.code for state in states}
    return {known.get(code, code) for code in codes}


def _may_come_back(event: Event) -> bool:
    return event.told and event.kind in LASTING


def _has_one_voice(event: Event) -> bool:
    """False for a fee that comes as a row and as a status: they may differ a while, and the newer is not the truer."""
    return event.twin is None


def _spelling_of(code: str) -> str | None:
    """The ledger's spelling of a code of the source; None if the code is not valid."""
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
    """Remember these events, in the same order in every process, so that two polls cannot deadlock."""
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
