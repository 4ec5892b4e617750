"""A new appointment: with an apology, or without."""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.dossier import Change, Status
from worker.domain.kinds.kind import Finding, event_of, stamp

_OPEN = frozenset({Status.ACCEPTED, Status.IN_PROGRESS})


def appointment_changed(change: Change) -> Iterator[Finding]:
    """Told when the appointment is not the one that the person was told last, and still to come.

    What the person was told only the ledger knows: it drops this event where there was no other date.
    """
    dossier = change.dossier
    at = dossier.appointment_at
    if at and at > change.at and dossier.status in _OPEN and not dossier.apologised:
        yield event_of(dossier, "appointment_changed", stamp(at), change.at, appointment_at=at)


def apology(change: Change) -> Iterator[Finding]:
    """Told when the office apologised for a delay and named a new date; without an apology nobody is told of one."""
    dossier = change.dossier
    at = dossier.appointment_at
    if at and dossier.apologised and dossier.status is not Status.RETURNED:
        yield event_of(dossier, "apology", stamp(at), change.at, appointment_at=at)
