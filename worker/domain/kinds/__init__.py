"""The kinds of event: one row a kind, in the order in which they are told; the rules stand beside.

To add a kind: a rule in this room, a row in KINDS, a folder in templates/. A test fails if a half is missing.

    milestones.py   once in a dossier's life          pauses.py   true while it lasts
    fees.py         payment requests                  dates.py    a new appointment
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.dossier import Change, Status
from worker.domain.event import EVERY, Event, Withdrawal
from worker.domain.kinds import dates, fees, milestones, pauses
from worker.domain.kinds.kind import PAYMENT, Finding, Kind

__all__ = [
    "ANSWERS",
    "CARDS",
    "CHAT_DOSSIERS",
    "CHAT_HELP",
    "CHAT_NOTHING",
    "CHAT_OFF",
    "CHAT_ON",
    "COMPARING",
    "DEFAULT",
    "DEPENDENT",
    "KINDS",
    "LASTING",
    "OF_DOSSIERS",
    "OF_RESULTS",
    "PHONE_CLAIMED",
    "PHONE_MOVED",
    "PHONE_REQUEST",
    "PROOFS",
    "PROOF_CODE",
    "PROOF_DONE",
    "PROOF_HELD",
    "PROOF_REQUEST",
    "RANK",
    "REMINDERS",
    "STAFF_ALARM",
    "STAFF_DIGEST",
    "STANDING",
    "WELCOME",
    "Finding",
    "Kind",
    "findings",
]

_SUBMITTED = frozenset({Status.REGISTERED})
_REFUSED = frozenset({Status.REFUSED})
_SUPPLEMENT = frozenset({Status.SUPPLEMENT})
_OBLIGATION = frozenset({Status.OBLIGATION})
_STOPPED = frozenset({Status.STOPPED})
_AT_WORK = frozenset({Status.IN_PROGRESS})
_BACK = frozenset({Status.REFUSED, Status.WITHDRAWN})
_RETURNED = frozenset({Status.RETURNED})
_ANY = frozenset(Status) | PAYMENT

WELCOME = "welcome"
PHONE_REQUEST = "phone_request"

CHAT_DOSSIERS = "chat_dossiers"
CHAT_NOTHING = "chat_nothing"
CHAT_OFF = "chat_off"
CHAT_ON = "chat_on"
CHAT_HELP = "chat_help"
STAFF_DIGEST = "staff_digest"
STAFF_ALARM = "staff_alarm"

PROOF_REQUEST = "proof_request"  # how to prove the phone that was shared
PROOF_CODE = "proof_code"  # the one-time code, to the phone itself
PROOF_DONE = "proof_done"
PROOF_HELD = "proof_held"  # a clerk has to confirm
PHONE_CLAIMED = "phone_claimed"  # to who holds it: another user shared your phone
PHONE_MOVED = "phone_moved"  # to who held it

PROOFS = frozenset({PROOF_REQUEST, PROOF_DONE, PROOF_HELD})
ANSWERS = PROOFS | {CHAT_DOSSIERS, CHAT_NOTHING, CHAT_OFF, CHAT_ON, CHAT_HELP}
"""Kinds that answer what somebody wrote in the chat: told whether they follow or not, and never switched off."""

CARDS = frozenset({PHONE_REQUEST})
"""Kinds that Zalo shows as a card of its own: the conversation does not repeat their words."""

_NO_FEE = "the fee is not asked for any more"
_RECALLED = "the result was recalled"
_NEW_DATE = "the appointment was changed again, or is over"
_ANOTHER_PAUSE = "it is held up for another reason"

KINDS: tuple[Kind, ...] = (
    Kind(WELCOME, 1, None),
    Kind(PHONE_REQUEST, 2, None),
    Kind("submitted", 5, milestones.submitted, at=_SUBMITTED, untrue="it does not wait for acceptance any more"),
    Kind("accepted", 10, milestones.accepted, at=milestones.TAKEN_IN, on=True, untrue="it is not accepted any more"),
    Kind(
        "refused", 15, milestones.refused, at=_REFUSED, holds=milestones.still_refused, untrue="it is not refused now"
    ),
    Kind("fee_requested", 20, fees.fee_requested, at=PAYMENT | _OBLIGATION, on=True, lasts=True, untrue=_NO_FEE),
    Kind("fee_paid", 21, fees.fee_paid, at=PAYMENT, untrue="the payment was taken back"),
    Kind("supplement_required", 22, pauses.supplement_required, at=_SUPPLEMENT, lasts=True, untrue=_ANOTHER_PAUSE),
    Kind("financial_obligation", 23, pauses.financial_obligation, at=_OBLIGATION, lasts=True, untrue=_ANOTHER_PAUSE),
    Kind("stopped", 24, pauses.stopped, at=_STOPPED, lasts=True, untrue=_ANOTHER_PAUSE),
    Kind("resumed", 25, pauses.resumed, at=_AT_WORK, lasts=True, compares=True, untrue="it ended, or has another date"),
    Kind("apology", 26, dates.apology, at=_ANY, untrue=_NEW_DATE),
    Kind("appointment_changed", 27, dates.appointment_changed, at=_ANY, compares=True, untrue=_NEW_DATE),
    Kind("withdrawn", 28, milestones.withdrawn, at=_BACK, holds=milestones.still_withdrawn, untrue="it is worked on"),
    Kind(
        fees.CORRECTED,
        29,
        fees.fee_corrected,
        at=PAYMENT,
        lasts=True,
        compares=True,
        untrue="the amount was corrected again",
    ),
    Kind("result_ready", 30, milestones.result_ready, at=milestones.DONE, on=True, lasts=True, untrue=_RECALLED),
    Kind("returned", 40, milestones.returned, at=_RETURNED, untrue=_RECALLED),
    Kind("fee_reminder", 50, fees.fee_reminder, follows="fee_requested", lasts=True, untrue=_NO_FEE),
    Kind(
        "supplement_reminder",
        51,
        pauses.supplement_reminder,
        follows="supplement_required",
        lasts=True,
        untrue="the deadline is over, or another one",
    ),
    Kind("collect_reminder", 52, milestones.collect_reminder, follows="result_ready", lasts=True, untrue=_RECALLED),
    Kind(CHAT_DOSSIERS, 60, None),
    Kind(CHAT_NOTHING, 61, None),
    Kind(CHAT_OFF, 62, None),
    Kind(CHAT_ON, 63, None),
    Kind(CHAT_HELP, 64, None),
    Kind(STAFF_DIGEST, 70, None),
    Kind(STAFF_ALARM, 71, None),
    Kind(PROOF_CODE, 80, None),
    Kind(PROOF_REQUEST, 81, None),
    Kind(PROOF_DONE, 82, None),
    Kind(PROOF_HELD, 83, None),
    Kind(PHONE_CLAIMED, 84, None),
    Kind(PHONE_MOVED, 85, None),
)

RANK: dict[str, int] = {kind.name: kind.rank for kind in KINDS}
OF_DOSSIERS = tuple(kind.name for kind in KINDS if kind.rule)
"""What a province may switch on and off; the others are told to a user of the OA: a welcome (R27), an answer."""
DEFAULT = frozenset(kind.name for kind in KINDS if kind.on)
REMINDERS: dict[str, Kind] = {kind.name: kind for kind in KINDS if kind.follows}
STANDING = frozenset({"submitted", "fee_paid"})
"""Kinds whose events stay true whatever becomes of the dossier; all others depend on its status."""
DEPENDENT = frozenset(OF_DOSSIERS) - STANDING
OF_RESULTS = frozenset({"result_ready", "returned", "collect_reminder"})
"""Kinds that depend on whether what ended the dossier is a result."""
LASTING = frozenset(kind.name for kind in KINDS if kind.lasts)
COMPARING = tuple(kind.name for kind in KINDS if kind.compares)


def findings(change: Change) -> Iterator[Finding]:
    """All that the rules have to say about one change.

    An event of a kind that is switched off is to be remembered, so that it is no news when the kind is switched on.
    A reminder is brought up by the clock; what a change does is to end it. What hangs on a word that is not known is
    kept back: a fee is recorded all the same, since its row may not be read again; anything else will be found when
    the dossier is. And nothing is ended by a word that is not known.
    """
    for finding in _found(change):
        if change.holds and isinstance(finding, Event):
            finding.held = next((hold for hold in change.holds if hold.covers(finding)), None)
            if finding.held and (not finding.told or finding.kind != "fee_requested"):
                continue
        if change.dossier.status is Status.UNKNOWN and isinstance(finding, Withdrawal) and not _of_payment(finding):
            continue
        yield finding
    yield from change.oddities
    yield from change.holds


def _of_payment(finding: Withdrawal) -> bool:
    """Whether a row of its own ends it, and not the dossier's status."""
    return finding.key.split("/")[-2].startswith("fee_") and not finding.key.endswith(EVERY)


def _found(change: Change) -> Iterator[Finding]:
    told = DEFAULT if change.told is None else change.told
    for kind in KINDS:
        if kind.rule is None:
            continue
        if kind.name in told:
            found = kind.rule(change)
            for one in found:
                if isinstance(one, Event):
                    one.row = change.row
                if not kind.follows or isinstance(one, Withdrawal):
                    yield one
        elif change.status in kind.at and not kind.compares:
            for one in kind.rule(change):
                if isinstance(one, Event):
                    one.told = False
                    yield one
