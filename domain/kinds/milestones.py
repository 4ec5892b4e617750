"""Rules for events that happen once in a dossier's life: sent, accepted or refused, taken back, done, handed over."""

from __future__ import annotations

from collections.abc import Iterator

from domain.dossier import Change, Status
from domain.kinds.kind import ONCE, Finding, event_of, over

TAKEN_IN = frozenset(
    {
        Status.ACCEPTED,
        Status.IN_PROGRESS,
        Status.SUPPLEMENT,
        Status.OBLIGATION,
        Status.STOPPED,
        Status.FINISHED,
        Status.RETURNED,
    }
)
DONE = frozenset({Status.FINISHED, Status.RETURNED})


def submitted(change: Change) -> Iterator[Finding]:
    """Told when the dossier has reached the portal (decree 45/2020 Art. 11)."""
    if change.status is Status.REGISTERED:
        sent = change.dossier.submitted_at
        yield event_of(change.dossier, "submitted", ONCE, sent or change.at, own_at=sent)


def accepted(change: Change) -> Iterator[Finding]:
    """Told at the first status that implies acceptance: 2 → 4 is automatic and fast, so 2 may be missed (R1)."""
    dossier = change.dossier
    if change.status not in TAKEN_IN or dossier.accepted_at is None or dossier.status not in TAKEN_IN:
        return
    at = change.at if change.status is Status.ACCEPTED else min(dossier.accepted_at, change.at)
    facts = {"appointment_at": dossier.appointment_at, "own_at": dossier.accepted_at}
    yield event_of(dossier, "accepted", ONCE, at, **facts)


def refused(change: Change) -> Iterator[Finding]:
    """Told at status 3 if it is known not to be the citizen's own withdrawal, which some systems store as 3, too."""
    dossier = change.dossier
    if change.status is Status.REFUSED and dossier.status is Status.REFUSED and change.taken_back is False:
        yield event_of(dossier, "refused", ONCE, change.at, reason=dossier.reason)


def withdrawn(change: Change) -> Iterator[Finding]:
    """Told at status 7, and at a status 3 that is the citizen's own withdrawal."""
    own = change.status is Status.WITHDRAWN or (change.status is Status.REFUSED and change.taken_back)
    if own and change.dossier.status is change.status:
        yield event_of(change.dossier, "withdrawn", ONCE, change.at)


def still_refused(change: Change) -> Iterator[Finding]:
    """As `refused`, for the dossier's current state, which may not show who ended it: then the first finding counts."""
    if change.dossier.status is Status.REFUSED and not change.taken_back:
        yield event_of(change.dossier, "refused", ONCE, change.at, reason=change.dossier.reason)


def still_withdrawn(change: Change) -> Iterator[Finding]:
    """As `withdrawn`, for the dossier's current state, by the same rule."""
    status = change.dossier.status
    if status is Status.WITHDRAWN or (status is Status.REFUSED and change.taken_back is not False):
        yield event_of(change.dossier, "withdrawn", ONCE, change.at)


def result_ready(change: Change) -> Iterator[Finding]:
    """Told when status 9 (or 10, if 9 was skipped) really means a result (R39).

    Returned and withdrawn dossiers end in the same statuses and never get "đã giải quyết xong". After a reversal
    (9→4→9, 10→9) it is told again only if the mapping counts it as another result (R40).
    """
    dossier = change.dossier
    if dossier.given_back:
        yield over(dossier, "result_ready", "given back without a result")
    elif change.status in DONE and dossier.status in DONE and dossier.result_given:
        own_at = dossier.finished_at or dossier.returned_at
        yield event_of(dossier, "result_ready", dossier.result, change.at, own_at=own_at, by_post=dossier.by_post)


def returned(change: Change) -> Iterator[Finding]:
    """Told when a result was handed over (status 10)."""
    dossier = change.dossier
    if change.status is Status.RETURNED and dossier.status is Status.RETURNED and dossier.result_given:
        own_at = dossier.returned_at
        yield event_of(dossier, "returned", dossier.result, own_at or change.at, own_at=own_at)


def collect_reminder(change: Change) -> Iterator[Finding]:
    """Told when a result that was announced some days ago is still not handed over; never if it goes by post (R34)."""
    dossier = change.dossier
    if dossier.status is Status.FINISHED and dossier.by_post:
        yield over(dossier, "collect_reminder", "the result goes by post")
    elif dossier.status is Status.FINISHED and dossier.result_given:
        yield event_of(dossier, "collect_reminder", dossier.result, change.at)
    elif dossier.status is Status.RETURNED or dossier.given_back:
        yield over(dossier, "collect_reminder", "nothing is left to collect")
