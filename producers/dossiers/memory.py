"""What is an event only if the ledger remembers, or does not remember, something else of the dossier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from worker.domain.event import Event
from worker.domain.kinds import COMPARING
from worker.domain.kinds.fees import payment_of
from worker.ledger import cursors, truth, withdrawals


@dataclass(frozen=True, slots=True)
class Weighed:
    """`tell`: news. `same`: told already in another way, so remembered. What is in neither is no event (yet)."""

    tell: list[Event] = field(default_factory=list)
    same: list[Event] = field(default_factory=list)


Weigh = Callable[[Connection, str, Sequence[Event]], Weighed]


def depends(event: Event) -> bool:
    """Whether one of the questions below has to be asked."""
    return event.kind in COMPARING or event.twin is not None


def is_fee_row(event: Event) -> bool:
    return event.twin is not None and event.paired is not None


def is_fee_status(event: Event) -> bool:
    return event.twin is not None and event.paired is None


def fee_rows(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """The first row that asks for the amount that a status asked for is the same fee; a second row is another one."""
    known, weighed, taken = _known(tx, oa, events), Weighed(), set()
    for event in sorted(events, key=lambda event: event.at):
        if event.twin in known and event.paired not in known and event.twin not in taken:
            taken.add(event.twin)
            weighed.same.append(event)
        else:
            weighed.tell.append(event)
    return weighed


def fee_statuses(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A status that asks for an amount which a row asked for is the same fee."""
    known = _known(tx, oa, events)
    return Weighed(
        [event for event in events if event.twin not in known], [event for event in events if event.twin in known]
    )


def resumptions(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A dossier goes on only if it was held up before."""
    known = _known(tx, oa, events)
    return Weighed([event for event in events if event.after in known])


def new_dates(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """An appointment is changed only for those who were told another one."""
    told = withdrawals.appointments_told(tx, oa, {event.code for event in events})
    return Weighed([event for event in events if told.get(event.code, event.appointment_at) != event.appointment_at])


def corrections(tx: Connection, oa: str, events: Sequence[Event]) -> Weighed:
    """A fee is corrected only for those who were told another amount of that payment."""
    paid = {event.key: payment_of(event.kind, event.occurrence) for event in events}
    told = truth.amounts_told(tx, oa, {(event.code, paid[event.key]) for event in events})
    return Weighed([e for e in events if told.get((e.code, paid[e.key]), e.amount) != e.amount])


def _known(tx: Connection, oa: str, events: Iterable[Event]) -> set[str]:
    """The keys on which these events depend and which were told or remembered."""
    asked = {key for event in events for key in (event.after, event.twin, event.paired) if key}
    return asked - cursors.untold(tx, oa, sorted(asked))
