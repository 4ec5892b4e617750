"""Define what a kind is and which findings its rule may make in a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from domain.clock import to_vietnam
from domain.dossier import Change, Dossier, Status
from domain.event import EVERY, Event, Oddity, Retraction, WordHold, event_key

Finding: TypeAlias = Event | Retraction | Oddity | WordHold
Rule: TypeAlias = Callable[[Change], Iterable[Finding]]

PAYMENT = frozenset({None})
ONCE = "1"  # the occurrence of an event that is told once in a dossier's life


@dataclass(frozen=True, slots=True)
class Kind:
    """`rank` orders events of one dossier that happened at the same moment; `on`: told unless a mapping forbids it.

    `at`: a row contains an event of this kind only if it reports one of these statuses; a payment reports None.
    `rule`: a kind without one is not found in the dossiers.
    `follows`: a reminder of that kind; the clock starts it, and its rule sees the dossier's state at that moment.
    `lasts`: true only for a while, so it may be retracted before it leaves, and become true again.
    `compares`: only the ledger can decide whether it is an event, since it remembers what the person was told before:
    another value of one of the event's facts or, if the event names one, the event that it comes `after`.
    `holds`: checks the dossier's current state for whether the event is still true, if `rule` needs more than that.
    `untrue`: why a notice of this kind is not told once the rule does not find its event any more.
    """

    name: str
    rank: int
    rule: Rule | None
    at: frozenset[Status | None] = frozenset()
    on: bool = False
    follows: str | None = None
    lasts: bool = False
    compares: bool = False
    holds: Rule | None = None
    untrue: str = "it is not so any more"


def event_of(dossier: Dossier, kind: str, occurrence: str, at: datetime, **facts: Any) -> Event:
    """An event of `dossier`; `facts`: values for the texts of its kind, events that it depends on, and its own time."""
    facts.setdefault("begun_at", dossier.finished_at or dossier.accepted_at or dossier.submitted_at)
    event = Event(dossier.code, kind, occurrence, at, dossier.phone, dossier.unit, dossier.sms, **facts)
    event.source_code = dossier.source_code
    return event


def over(dossier: Dossier, kind: str, why: str, begins: str = "") -> Retraction:
    """Retract all events of this kind of the dossier: notices that have not left are no longer true."""
    return Retraction(dossier.code, event_key(dossier.code, kind, begins + EVERY), why)


def stamp(moment: datetime) -> str:
    """A time as an occurrence, to the minute in Vietnam's time: '20240226T0909'."""
    return f"{to_vietnam(moment):%Y%m%dT%H%M}"
