"""Define the kinds of event: one row per kind, in the order in which they are told; the rules are in the modules here.

To add a kind, add a rule in this room, a row in KINDS and a folder in templates/. A test fails if one is missing.

    milestones.py   once in a dossier's life          pauses.py   true while it lasts
    fees.py         payment requests                  dates.py    a new appointment
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.dossier import Change, Status
from domain.event import EVERY, Event, Retraction
from domain.kinds import dates, fees, milestones, pauses
from domain.kinds.kind import PAYMENT, Finding, Kind

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
    "PROBE",
    "PROOFS",
    "PROOF_CODE",
    "PROOF_DONE",
    "PROOF_HELD",
    "PROOF_REQUEST",
    "RANK",
    "REMINDERS",
    "STAFF",
    "STAFF_ALARM",
    "STAFF_DIGEST",
    "STANDING",
    "TEMPLATE_TRIAL",
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
PROBE = "probe"  # goes the whole way and is measured
TEMPLATE_TRIAL = "template_trial"  # the sample of a template, to a member of the staff

STAFF = frozenset({STAFF_DIGEST, STAFF_ALARM, PROBE, TEMPLATE_TRIAL})
"""Kinds that go to staff: no citizen is told by them, and no report counts them."""

PROOF_REQUEST = "proof_request"  # how to prove the phone that was shared
PROOF_CODE = "proof_code"  # the one-time code, to the phone itself
PROOF_DONE = "proof_done"
PROOF_HELD = "proof_held"  # a clerk has to confirm
PHONE_CLAIMED = "phone_claimed"  # to the holder: another user shared your phone
PHONE_MOVED = "phone_moved"  # to the previous holder

PROOFS = frozenset({PROOF_REQUEST, PROOF_DONE, PROOF_HELD})
ANSWERS = PROOFS | {CHAT_DOSSIERS, CHAT_NOTHING, CHAT_OFF, CHAT_ON, CHAT_HELP}
"""Kinds that answer a message in the chat: told whether the user follows or not, and never switched off."""

CARDS = frozenset({PHONE_REQUEST})
"""Kinds that Zalo shows as a separate card: the conversation does not contain their words."""

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
    Kind(PROBE, 72, None),
    Kind(TEMPLATE_TRIAL, 73, None),
    Kind(PROOF_CODE, 80, None),
    Kind(PROOF_REQUEST, 81, None),
    Kind(PROOF_DONE, 82, None),
    Kind(PROOF_HELD, 83, None),
    Kind(PHONE_CLAIMED, 84, None),
    Kind(PHONE_MOVED, 85, None),
)

RANK: dict[str, int] = {kind.name: kind.rank for kind in KINDS}
OF_DOSSIERS = tuple(kind.name for kind in KINDS if kind.rule)
"""Kinds that a province may switch on and off; the others go to a user of the OA: a welcome (R27), an answer."""
DEFAULT = frozenset(kind.name for kind in KINDS if kind.on)
REMINDERS: dict[str, Kind] = {kind.name: kind for kind in KINDS if kind.follows}
STANDING = frozenset({"submitted", "fee_paid"})
"""Kinds whose events stay true whatever becomes of the dossier; all others depend on its status."""
DEPENDENT = frozenset(OF_DOSSIERS) - STANDING
OF_RESULTS = frozenset({"result_ready", "returned", "collect_reminder"})
"""Kinds that depend on whether the dossier ended with a result."""
LASTING = frozenset(kind.name for kind in KINDS if kind.lasts)
COMPARING = tuple(kind.name for kind in KINDS if kind.compares)


def findings(change: Change) -> Iterator[Finding]:
    """All findings of the rules about one change.

    An event of a kind that is switched off is only remembered, so that it is not news when the kind is switched on.
    The clock starts a reminder; a change can only end it. An event that depends on an unknown word is held back: a fee
    is recorded nevertheless, since its row may not be read again; any other event is found again with its dossier. An
    unknown word never ends anything.
    """
    for finding in _found(change):
        if change.holds and isinstance(finding, Event):
            finding.held = next((hold for hold in change.holds if hold.covers(finding)), None)
            if finding.held and (not finding.told or finding.kind != "fee_requested"):
                continue
        if change.dossier.status is Status.UNKNOWN and isinstance(finding, Retraction) and not _of_payment(finding):
            continue
        yield finding
    yield from change.oddities
    yield from change.holds


def _of_payment(finding: Retraction) -> bool:
    """Whether a payment's own row ends the event, and not the dossier's status."""
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
                if not kind.follows or isinstance(one, Retraction):
                    yield one
        elif change.status in kind.at and not kind.compares:
            for one in kind.rule(change):
                if isinstance(one, Event):
                    one.told = False
                    yield one
