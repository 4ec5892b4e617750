"""What a kind is, and what its rule may find in a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from worker.domain.clock import to_vietnam
from worker.domain.dossier import Change, Dossier, Status
from worker.domain.event import EVERY, Event, Oddity, Withdrawal, WordHold, event_key

Finding: TypeAlias = Event | Withdrawal | Oddity | WordHold
Rule: TypeAlias = Callable[[Change], Iterable[Finding]]

PAYMENT = frozenset({None})
ONCE = "1"  # the occurrence of what is told once in a dossier's life


@dataclass(frozen=True, slots=True)
class Kind:
    """`rank` orders events of one dossier that happened at the same moment; `on`: told unless a mapping says no.

    `at`: the statuses that a row must report for an event of this kind to be in it; None is what a payment reports.
    One without a rule is not found in the dossiers.
    `follows`: a reminder of that kind; the clock brings it up, and its rule sees the dossier as it stands then.
    `lasts`: true for a while only, so it may be withdrawn before it left, and be true again.
    `compares`: whether it is an event only the ledger knows, which remembers what the person was told before: another
    value of a fact that the event has, or, where the event names one, the event that it comes `after`.
    `holds`: asked whether it is still so of the dossier as it stands, where the rule wants more than that tells.
    `untrue`: why a notice of it is not told, where the rule does not find it any more.
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
    """An event of `dossier`; `facts` are what the texts of its kind may tell, on what it depends, and its own time."""
    facts.setdefault("begun_at", dossier.finished_at or dossier.accepted_at or dossier.submitted_at)
    event = Event(dossier.code, kind, occurrence, at, dossier.phone, dossier.unit, dossier.sms, **facts)
    event.source_code = dossier.source_code
    return event


def over(dossier: Dossier, kind: str, why: str, begins: str = "") -> Withdrawal:
    """All notices of this kind of the dossier that have not left: what they say is not so any more."""
    return Withdrawal(dossier.code, event_key(dossier.code, kind, begins + EVERY), why)


def stamp(moment: datetime) -> str:
    """A time as an occurrence, to the minute on a clock in Vietnam: '20240226T0909'."""
    return f"{to_vietnam(moment):%Y%m%dT%H%M}"
