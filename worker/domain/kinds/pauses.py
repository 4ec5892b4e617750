"""What holds a dossier up for a while and lets it go on: papers, dues, a stop; true only as long as it lasts."""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.dossier import Change, Status
from worker.domain.event import event_key
from worker.domain.kinds.kind import ONCE, Finding, event_of, over, stamp

_PAUSED = "paused"  # no kind, so never told: remembers that the dossier was held up
_PAUSES = frozenset({Status.SUPPLEMENT, Status.OBLIGATION, Status.STOPPED})


def supplement_required(change: Change) -> Iterator[Finding]:
    """Told while papers are wanted (5), with the class of the reason and the deadline where the source has them."""
    dossier = change.dossier
    facts = {"deadline_at": dossier.deadline_at, "reason": dossier.reason}
    yield from _while(change, Status.SUPPLEMENT, "supplement_required", **facts)


def supplement_reminder(change: Change) -> Iterator[Finding]:
    """Told when papers are still wanted and the deadline is near."""
    dossier = change.dossier
    if dossier.status is not Status.SUPPLEMENT:
        yield over(dossier, "supplement_reminder", "the dossier went on")
    elif dossier.deadline_at is not None and dossier.deadline_at > change.at:
        occurrence = dossier.step or ONCE
        yield event_of(dossier, "supplement_reminder", occurrence, change.at, deadline_at=dossier.deadline_at)


def financial_obligation(change: Change) -> Iterator[Finding]:
    """Told at 6 (taxes, land dues), where that is not how the source asks for its own fee."""
    if not change.fees_by_status:
        yield from _while(change, Status.OBLIGATION, "financial_obligation")


def stopped(change: Change) -> Iterator[Finding]:
    """Told while the dossier is stopped (8)."""
    yield from _while(change, Status.STOPPED, "stopped")


def resumed(change: Change) -> Iterator[Finding]:
    """Told when a dossier that was held up is worked on again (4), with the date that it has now."""
    dossier = change.dossier
    if dossier.status in _PAUSES:
        yield over(dossier, "resumed", "held up again")
        yield event_of(dossier, _PAUSED, ONCE, change.at, told=False)
    elif dossier.status is Status.IN_PROGRESS and change.status is Status.IN_PROGRESS:
        occurrence = stamp(dossier.appointment_at) if dossier.appointment_at else ONCE
        paused = event_key(dossier.code, _PAUSED, ONCE)
        yield event_of(dossier, "resumed", occurrence, change.at, appointment_at=dossier.appointment_at, after=paused)


def _while(change: Change, status: Status, kind: str, **facts: object) -> Iterator[Finding]:
    """Told once a pause; several pauses of one status are told apart by `step`, where the source has it."""
    dossier = change.dossier
    if dossier.status is not status:
        yield over(dossier, kind, "the dossier went on")
    elif change.status is status:
        yield event_of(dossier, kind, dossier.step or ONCE, change.at, **facts)
