"""Notices follow the source: what a view of it says is compared with what is recorded, and the difference is applied.

Within the caller's transaction, which holds no other lock on notices. Decisions are `worker.domain.truth`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from producers.dossiers.parts import Parts
from producers.dossiers.view import View
from worker.domain.event import Withdrawal
from worker.domain.kinds import LASTING
from worker.domain.phone import fault_of, masked_field, read_phone
from worker.domain.truth import Correct, Keep, Person, Recorded, Said, Suppress, Verdict, amiss, decide
from worker.ledger import sightings, truth, withdrawals

_BY = "producer"


@dataclass(frozen=True, slots=True)
class Compared:
    """How many notices a comparison corrected or let come back, suppressed, and found to be as they are recorded."""

    changed: int = 0
    suppressed: int = 0
    same: int = 0
    unknown: tuple[int, ...] = ()  # ids of notices of which the view says nothing


def follow_dossiers(tx: Connection, parts: Parts, view: View) -> Compared:
    """Compare all that follows these dossiers with the view."""
    held = truth.of_dossiers(tx, parts.oa, view.dossiers.keys() | view.gone, view.asked_at)
    return compare(tx, parts, view, held)


def compare(tx: Connection, parts: Parts, view: View, held: Sequence[Recorded], *, note: bool = False) -> Compared:
    """Compare these notices with the view, and apply what is different.

    `note`: also write down that what is the same was compared, which costs a write for each.
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
    """What was told is left as it is; where it is not so any more, staff hear of it."""
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
    tx: Connection, parts: Parts, notices: Sequence[Recorded], said: Mapping[int, Said | str | None]
) -> list[tuple[Recorded, Verdict]]:
    people = _people(tx, parts, [one for notice in notices if isinstance(one := said[notice.id], Said)])
    verdicts = list[tuple[Recorded, Verdict]]()
    for notice in notices:
        one = said[notice.id]
        if one is not None:
            verdicts.append((notice, decide(notice, one, people[one.phone] if isinstance(one, Said) else Person(None))))
    return verdicts


def _people(tx: Connection, parts: Parts, said: Sequence[Said]) -> dict[str | None, Person]:
    """Whom each phone, as the source has it, leads to."""
    phones = {one.phone: read_phone(one.phone) for one in said}
    ids = parts.people.ids(tx, parts.oa, {phone.e164 for phone in phones.values() if phone.e164})
    people = dict[str | None, Person]()
    for written, phone in phones.items():
        fault = fault_of(phone)
        people[written] = Person(
            ids[phone.e164] if phone.e164 else None, fault, masked_field(written) if fault else None
        )
    return people


def _correct(tx: Connection, parts: Parts, view: View, verdicts: Sequence[tuple[Recorded, Verdict]]) -> int:
    corrections = {notice.id: verdict for notice, verdict in verdicts if isinstance(verdict, Correct)}
    changed = truth.correct(tx, corrections, asked_at=view.asked_at, by=_BY, days=parts.grace_days)
    return len(changed | _true_again(tx, parts, view, verdicts))


def _suppress(tx: Connection, parts: Parts, verdicts: Sequence[tuple[Recorded, Verdict]]) -> int:
    over = [
        (notice, Withdrawal(notice.code, notice.key, verdict.why))
        for notice, verdict in verdicts
        if isinstance(verdict, Suppress) and not notice.withdrawn
    ]
    if not over:
        return 0
    # If it is true again, the rules have to see that, though the dossier be in the state that was last seen.
    sightings.doubt(tx, parts.oa, {notice.source_code or notice.code for notice, _ in over})
    return len(withdrawals.withdraw(tx, parts.oa, [withdrawal for _, withdrawal in over], by=_BY))


def _true_again(tx: Connection, parts: Parts, view: View, verdicts: Sequence[tuple[Recorded, Verdict]]) -> set[int]:
    """What was suppressed since it was not so, and is so again. Kinds that last come back as events (`record`)."""
    back = [
        notice.key
        for notice, verdict in verdicts
        if notice.withdrawn and notice.kind not in LASTING and not isinstance(verdict, Suppress)
    ]
    return withdrawals.true_again(tx, parts.oa, back, by=_BY, asked=dict.fromkeys(back, view.asked_at))
