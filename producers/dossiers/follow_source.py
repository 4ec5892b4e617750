"""Updates notices to follow the source: compares a view of the source with recorded notices and applies the difference.

It runs in the caller's transaction, which holds no other lock on notices. `domain.truth` makes the decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from domain.event import Retraction
from domain.kinds import LASTING
from domain.phone import fault_of, masked_field, read_phone
from domain.truth import Addressee, Correct, Keep, Recorded, Said, Suppress, TruthVerdict, amiss, decide
from ledger.notices import retractions, truth
from ledger.source import fingerprints
from producers.dossiers.context import PollContext
from producers.dossiers.view import View

_BY = "producer"


@dataclass(frozen=True, slots=True)
class Compared:
    """How many notices a comparison corrected or revived, suppressed, and found unchanged."""

    changed: int = 0
    suppressed: int = 0
    same: int = 0
    unknown: tuple[int, ...] = ()  # ids of notices that the view does not cover


def follow_dossiers(tx: Connection, parts: PollContext, view: View) -> Compared:
    """Compare all notices that follow these dossiers with the view."""
    held = truth.of_dossiers(tx, parts.oa, view.dossiers.keys() | view.gone, view.asked_at)
    return compare(tx, parts, view, held)


def compare(
    tx: Connection, parts: PollContext, view: View, held: Sequence[Recorded], *, note: bool = False
) -> Compared:
    """Compare these notices with the view, and apply the differences.

    `note`: also record the comparison of each unchanged notice, which costs a write for each.
    """
    said = {notice.id: view.of(notice) for notice in held}
    known = [notice for notice in held if said[notice.id] is not None]
    _find_amiss(tx, known, said)
    verdicts = _verdicts(tx, parts, [notice for notice in known if not notice.was_told], said)
    changed = _correct(tx, parts, view, verdicts)
    suppressed = _suppress(tx, parts, verdicts)
    same = [notice.id for notice, verdict in verdicts if isinstance(verdict, Keep)]
    if note:
        truth.compared(tx, same, view.asked_at)
    return Compared(changed, suppressed, len(same), tuple(number for number, one in said.items() if one is None))


def _find_amiss(tx: Connection, known: Sequence[Recorded], said: Mapping[int, Said | str | None]) -> None:
    """Leave told notices as they are; note a finding for staff if one is no longer true."""
    found: dict[int, str | None] = {}
    for notice in known:
        one = said[notice.id]
        if notice.was_told and one is not None and _tells_of_the_fact(one):
            why = amiss(notice, one)
            if why != notice.amiss:
                found[notice.id] = why
    truth.note_amiss(tx, found, by=_BY)


def _tells_of_the_fact(said: Said | str) -> bool:
    return isinstance(said, str) or said.facts is not None


def _verdicts(
    tx: Connection, parts: PollContext, notices: Sequence[Recorded], said: Mapping[int, Said | str | None]
) -> list[tuple[Recorded, TruthVerdict]]:
    people = _people(tx, parts, [one for notice in notices if isinstance(one := said[notice.id], Said)])
    verdicts = list[tuple[Recorded, TruthVerdict]]()
    for notice in notices:
        one = said[notice.id]
        if one is not None:
            verdicts.append(
                (notice, decide(notice, one, people[one.phone] if isinstance(one, Said) else Addressee(None)))
            )
    return verdicts


def _people(tx: Connection, parts: PollContext, said: Sequence[Said]) -> dict[str | None, Addressee]:
    """The addressee of each phone, keyed by the phone as the source writes it."""
    phones = {one.phone: read_phone(one.phone) for one in said}
    ids = parts.people.ids(tx, parts.oa, {phone.e164 for phone in phones.values() if phone.e164})
    people = dict[str | None, Addressee]()
    for written, phone in phones.items():
        fault = fault_of(phone)
        people[written] = Addressee(
            ids[phone.e164] if phone.e164 else None, fault, masked_field(written) if fault else None
        )
    return people


def _correct(tx: Connection, parts: PollContext, view: View, verdicts: Sequence[tuple[Recorded, TruthVerdict]]) -> int:
    corrections = {notice.id: verdict for notice, verdict in verdicts if isinstance(verdict, Correct)}
    changed = truth.correct(tx, corrections, asked_at=view.asked_at, by=_BY, days=parts.grace_days)
    return len(changed | _true_again(tx, parts, view, verdicts))


def _suppress(tx: Connection, parts: PollContext, verdicts: Sequence[tuple[Recorded, TruthVerdict]]) -> int:
    over = [
        (notice, Retraction(notice.code, notice.key, verdict.why))
        for notice, verdict in verdicts
        if isinstance(verdict, Suppress) and not notice.withdrawn
    ]
    if not over:
        return 0
    # If the event becomes true again, the rules must see it, even if the dossier is in the state that was last seen.
    fingerprints.doubt(tx, parts.oa, {notice.source_code or notice.code for notice, _ in over})
    return len(retractions.retract(tx, parts.oa, [retraction for _, retraction in over], by=_BY))


def _true_again(
    tx: Connection, parts: PollContext, view: View, verdicts: Sequence[tuple[Recorded, TruthVerdict]]
) -> set[int]:
    """Revive notices suppressed as untrue that are true again. Kinds that last come back as events (`record`)."""
    back = [
        notice.key
        for notice, verdict in verdicts
        if notice.withdrawn and notice.kind not in LASTING and not isinstance(verdict, Suppress)
    ]
    return retractions.true_again(tx, parts.oa, back, by=_BY, asked=dict.fromkeys(back, view.asked_at))
