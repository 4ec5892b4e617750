"""The kinds of event: one row a kind, in the order in which they are told; the rules stand beside.

To add a kind: a rule in this room, a row in KINDS, a folder in templates/. A test fails if a half is missing.

    milestones.py   once in a dossier's life          pauses.py   true while it lasts
    fees.py         payment requests                  dates.py    a new appointment
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from worker.domain.dossier import Change
from worker.domain.event import Event
from worker.domain.kinds import dates, fees, milestones, pauses
from worker.domain.kinds.kind import Finding, Kind

__all__ = ["COMPARING", "DEFAULT", "KINDS", "LASTING", "RANK", "REMINDERS", "Finding", "Kind", "findings"]

KINDS: tuple[Kind, ...] = (
    Kind("submitted", 5, milestones.submitted),
    Kind("accepted", 10, milestones.accepted, on=True),
    Kind("refused", 15, milestones.refused),
    Kind("fee_requested", 20, fees.fee_requested, on=True, lasts=True),
    Kind("fee_paid", 21, fees.fee_paid),
    Kind("supplement_required", 22, pauses.supplement_required, lasts=True),
    Kind("financial_obligation", 23, pauses.financial_obligation, lasts=True),
    Kind("stopped", 24, pauses.stopped, lasts=True),
    Kind("resumed", 25, pauses.resumed, lasts=True, compares=True),
    Kind("apology", 26, dates.apology),
    Kind("appointment_changed", 27, dates.appointment_changed, compares=True),
    Kind("withdrawn", 28, milestones.withdrawn),
    Kind("result_ready", 30, milestones.result_ready, on=True, lasts=True),
    Kind("returned", 40, milestones.returned),
    Kind("fee_reminder", 50, fees.fee_reminder, follows="fee_requested", lasts=True),
    Kind("supplement_reminder", 51, pauses.supplement_reminder, follows="supplement_required", lasts=True),
    Kind("collect_reminder", 52, milestones.collect_reminder, follows="result_ready", lasts=True),
)

RANK: dict[str, int] = {kind.name: kind.rank for kind in KINDS}
DEFAULT = frozenset(kind.name for kind in KINDS if kind.on)
REMINDERS: dict[str, Kind] = {kind.name: kind for kind in KINDS if kind.follows}
LASTING = frozenset(kind.name for kind in KINDS if kind.lasts)
COMPARING = tuple(kind.name for kind in KINDS if kind.compares)


def findings(change: Change) -> Iterator[Finding]:
    """All that the rules have to say about one change.

    An event of a kind that is switched off is to be remembered, so that it is no news when the kind is switched on.
    A reminder is brought up by the clock; what a change does is to end it.
    """
    told = DEFAULT if change.told is None else change.told
    for kind in KINDS:
        if kind.rule is None:
            continue
        if kind.name in told:
            found = kind.rule(change)
            yield from (one for one in found if not (kind.follows and isinstance(one, Event)))
        elif not kind.follows and not kind.compares:
            yield from (replace(one, told=False) for one in kind.rule(change) if isinstance(one, Event))
