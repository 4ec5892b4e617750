"""Rules for pauses of a dossier and their end: papers, dues, a stop; each event is true only while it lasts."""

from __future__ import annotations

from collections.abc import Iterator

from domain.dossier import Change, Status
from domain.event import event_key
from domain.kinds.kind import ONCE, Finding, event_of, over, stamp

_PAUSED = "paused"  # not a kind, so never told: remembers that the dossier was paused
_PAUSES = frozenset({Status.SUPPLEMENT, Status.OBLIGATION, Status.STOPPED})


def supplement_required(change: Change) -> Iterator[Finding]:
    """Told while papers are required (status 5), with the reason's class and the deadline if the source has them."""
    dossier = change.dossier
    facts = {"deadline_at": dossier.deadline_at, "reason": dossier.reason}
    yield from _while(change, Status.SUPPLEMENT, "supplement_required", **facts)


def supplement_reminder(change: Change) -> Iterator[Finding]:
    """Told when papers are still required and the deadline is near."""
    dossier = change.dossier
    if dossier.status is not Status.SUPPLEMENT:
        yield over(dossier, "supplement_reminder", "the dossier went on")
    elif dossier.deadline_at is not None and dossier.deadline_at > change.at:
        occurrence = dossier.step or ONCE
        yield event_of(dossier, "supplement_reminder", occurrence, change.at, deadline_at=dossier.deadline_at)


def financial_obligation(change: Change) -> Iterator[Finding]:
    """Told at status 6 (taxes, land dues), unless the source uses that status to request its own fee."""
    if not change.fees_by_status:
        yield from _while(change, Status.OBLIGATION, "financial_obligation")


def stopped(change: Change) -> Iterator[Finding]:
    """Told while the dossier is stopped (status 8)."""
    yield from _while(change, Status.STOPPED, "stopped")


def resumed(change: Change) -> Iterator[Finding]:
    """Told when work on a paused dossier resumes (status 4), with its current appointment."""
    dossier = change.dossier
    if dossier.status in _PAUSES:
        yield over(dossier, "resumed", "held up again")
        yield event_of(dossier, _PAUSED, ONCE, change.at, told=False)
    elif dossier.status is Status.IN_PROGRESS and change.status is Status.IN_PROGRESS:
        occurrence = stamp(dossier.appointment_at) if dossier.appointment_at else ONCE
        paused = event_key(dossier.code, _PAUSED, ONCE)
        yield event_of(dossier, "resumed", occurrence, change.at, appointment_at=dossier.appointment_at, after=paused)


def _while(change: Change, status: Status, kind: str, **facts: object) -> Iterator[Finding]:
    """Told once per pause; `step`, if the source has it, distinguishes several pauses in one status."""
    dossier = change.dossier
    if dossier.status is not status:
        yield over(dossier, kind, "the dossier went on")
    elif change.status is status:
        yield event_of(dossier, kind, dossier.step or ONCE, change.at, **facts)
