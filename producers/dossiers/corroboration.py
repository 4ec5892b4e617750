"""Weighs findings that are events only if the ledger remembers, or does not remember, something else of the dossier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from domain.dossier import Reason
from domain.event import Event
from domain.kinds import COMPARING
from domain.kinds.fees import CORRECTED, payment_of
from ledger.notices import retractions, truth
from ledger.source import cursors


@dataclass(frozen=True, slots=True)
class Weighed:
    """`tell`: new events. `same`: told already in another way, so remembered. The others are no events (yet)."""

    tell: list[Event] = field(default_factory=list)
    same: list[Event] = field(default_factory=list)


Weigh = Callable[[Connection, str, Sequence[Event]], Weighed]


def depends(event: Event) -> bool:
    """Whether the event must be weighed by one of the questions below."""
    return event.kind in COMPARING or event.after is not None or event.twin is not None


def is_fee_row(event: Event) -> bool:
    return event.twin is not None and event.paired is not None


def is_fee_status(event: Event) -> bool:
    return event.twin is not None and event.paired is None


def fee_rows(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """The first row that requests the amount that a status requested is the same fee; a second row is another fee."""
    known, weighed, taken = _known(tx, oa, events), Weighed(), set()
    for event in sorted(events, key=lambda event: event.at):
        if event.twin in known and event.paired not in known and event.twin not in taken:
            taken.add(event.twin)
            weighed.same.append(event)
        else:
            weighed.tell.append(event)
    return weighed


def fee_statuses(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A status that requests the amount that a row requested is the same fee."""
    known = _known(tx, oa, events)
    return Weighed(
        [event for event in events if event.twin not in known], [event for event in events if event.twin in known]
    )


def resumptions(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A dossier resumes only if it was held up before."""
    known = _known(tx, oa, events)
    return Weighed([event for event in events if event.after in known])


def corrections(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A fee is corrected only for people who were told another amount of that payment."""
    paid = {event.key: payment_of(event.kind, event.occurrence) for event in events}
    told = truth.amounts_told(tx, oa, {(event.code, paid[event.key]) for event in events})
    return Weighed([e for e in events if told.get((e.code, paid[e.key]), e.amount) != e.amount])


def differing(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A change is told only to people who were told otherwise: each fact is compared with what was told last."""
    told = {
        fact: retractions.facts_told(tx, oa, fact, {event.code for event in events if _fact(event, fact) is not None})
        for fact in _COMPARED
    }
    return Weighed([event for event in events if any(_differs(event, fact, told[fact]) for fact in _COMPARED)])


def _differs(event: Event, fact: str, told: Mapping[str, str]) -> bool:
    here, before = _fact(event, fact), told.get(event.code)
    return here is not None and before is not None and _COMPARED[fact](before) != here


def _fact(event: Event, fact: str) -> object:
    return getattr(event, fact)


_COMPARED: dict[str, Callable[[str], object]] = {
    "amount": int,
    "appointment_at": datetime.fromisoformat,
    "deadline_at": datetime.fromisoformat,
    "reason": Reason,
}
"""The facts that an event may have, and the parser for the ledger's text of each."""


QUESTIONS: tuple[tuple[Callable[[Event], bool], Weigh], ...] = (
    (is_fee_status, fee_statuses),
    (lambda event: event.after is not None, resumptions),
    (lambda event: event.kind == CORRECTED, corrections),
    (lambda event: event.kind in COMPARING, differing),
)
"""The questions, in the order in which they are asked; the first that fits weighs the event. A kind that compares needs
only its rule and its row here: its events name the event they come `after`, or have the facts that must differ."""


def weighed_by(event: Event) -> Weigh | None:
    """The question that weighs an event; None if there is none, or if it is `fee_rows`, which is asked before."""
    return next((question for fits, question in QUESTIONS if fits(event)), None)


def _known(tx: Connection, oa: str, events: Iterable[Event]) -> set[str]:
    """The keys on which these events depend and that were told or remembered."""
    asked = {key for event in events for key in (event.after, event.twin, event.paired) if key}
    return asked - cursors.untold(tx, oa, sorted(asked))
