"""Rules for a new appointment, with or without an apology."""

from __future__ import annotations

from collections.abc import Iterator

from domain.dossier import Change, Status
from domain.kinds.kind import Finding, event_of, stamp

_OPEN = frozenset({Status.ACCEPTED, Status.IN_PROGRESS})


def appointment_changed(change: Change) -> Iterator[Finding]:
    """Told when the appointment differs from the one that the person was told last and is still in the future.

    Only the ledger knows what the person was told: it drops this event if there was no other date.
    """
    dossier = change.dossier
    at = dossier.appointment_at
    if at and at > change.at and dossier.status in _OPEN and not dossier.apologised:
        yield event_of(dossier, "appointment_changed", stamp(at), change.at, appointment_at=at)


def apology(change: Change) -> Iterator[Finding]:
    """Told when the office apologised for a delay and named a new date; never told without an apology."""
    dossier = change.dossier
    at = dossier.appointment_at
    if at and dossier.apologised and dossier.status is not Status.RETURNED:
        yield event_of(dossier, "apology", stamp(at), change.at, appointment_at=at)
