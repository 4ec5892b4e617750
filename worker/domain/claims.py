"""Whose phone it is: a claim is a request, and what it may move depends on its proof (R29).

Who shares a phone in the chat may type any. So a phone that nobody holds goes to whoever claims it, but only for what
comes; what lies before the claim waits for the proof that the settings demand. A phone that somebody holds, or whose
holder withdrew, moves by a stronger proof only: numbers are given to others, and are typed by strangers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Proof(StrEnum):
    """How a user has shown that a phone is theirs; the names are stored in the ledger."""

    NONE = "none"  # shared in the chat
    CODE = "code"  # knew the code of a dossier that was filed with the phone
    ONE_TIME = "one_time"  # typed the code that was sent to the phone
    CLERK = "clerk"  # a clerk confirmed it
    OPERATOR = "operator"  # linked by an operator
    TOKEN = "token"  # Zalo's own token for a phone; no part of the product makes one yet  # noqa: S105 (a word)


class Demand(StrEnum):
    """The least proof for what lies before the claim (HCC_PHONE_PROOF)."""

    NONE = "none"
    CODE = "code"
    STRONG = "strong"


class Judgement(StrEnum):
    """What a claim comes to."""

    GRANT = "grant"  # the user has the phone, and is told of all that waits
    HOLD = "hold"  # the user has the phone for what comes; what lies before the claim waits for a proof
    CONTEST = "contest"  # nothing moves: a stronger proof, or a clerk, decides
    REFUSE = "refuse"  # nothing moves, and no proof of this claim is taken


STRONG = 2
_STRENGTH = {Proof.NONE: 0, Proof.CODE: 1} | dict.fromkeys(
    (Proof.ONE_TIME, Proof.CLERK, Proof.OPERATOR, Proof.TOKEN), STRONG
)
_DEMANDED = {Demand.NONE: 0, Demand.CODE: 1, Demand.STRONG: STRONG}
_RENEWS = frozenset({Proof.ONE_TIME, Proof.CLERK, Proof.TOKEN})

MOST_PHONES = 3
WITHIN = timedelta(days=30)
"""At most so many phones a user within this time."""

MOST_TRIES = 3
"""At most so many with one code that was sent, and so many a day and user with codes of dossiers."""
CODE_LIVES = timedelta(minutes=10)
MOST_CODES = 3
"""At most so many codes a day are sent to one phone, whoever claims it."""

_CLOCKS_DIFFER = timedelta(minutes=10)

HELD_BY_ANOTHER = "the phone is another user's, whose proof is not weaker"
HOLDER_WITHDREW = "the holder of the phone withdrew, and had a proof that is not weaker"
DENIED = "another holder of the phone said no: a clerk decides"
TOO_MANY = f"more than {MOST_PHONES} phones within {WITHIN.days} days"
OLDER = "older than what is known of the user"
FROM_THE_FUTURE = "made at a time to come"
NEWER_OF_PHONE = "another user has proven the phone"
NEWER_OF_USER = "the user has another phone now"
_WELL_PROVEN = "the proof suffices"
_ONLY_WHAT_COMES = "unproven: only what comes is told"


@dataclass(frozen=True, slots=True)
class Claim:
    """A Zalo user says since `at` (UTC) that this person's phone is theirs; `proved_at` is when the proof came.

    `denied`: a holder of the phone answered that it is not so.
    """

    user_id: str = field(repr=False)
    person_id: int
    at: datetime
    proof: Proof = Proof.NONE
    proved_at: datetime | None = None
    denied: bool = False

    @property
    def since(self) -> datetime:
        """The moment by which proofs of one strength are compared."""
        return self.proved_at or self.at


@dataclass(frozen=True, slots=True)
class Holder:
    """Another user who holds the phone, or who held it and `withdrew`."""

    proof: Proof
    since: datetime
    withdrew: bool = False


def strength(proof: Proof) -> int:
    """0 for none, 1 for a dossier's code, `STRONG` for the others."""
    return _STRENGTH[proof]


def suffices(proof: Proof, demand: Demand) -> bool:
    """Whether the proof opens what lies before the claim."""
    return _STRENGTH[proof] >= _DEMANDED[demand]


def outranks(claim: Claim, holder: Holder) -> bool:
    """Whether the claim's proof takes the phone from that holder: stronger, or as strong, newer and renewing (R29)."""
    ours, theirs = _STRENGTH[claim.proof], _STRENGTH[holder.proof]
    return ours > theirs or (ours == theirs == STRONG and claim.proof in _RENEWS and claim.since > holder.since)


def decide(
    holder: Holder | None, claim: Claim, demand: Demand, now: datetime, *, others: int = 0
) -> tuple[Judgement, str]:
    """What the claim comes to, and why. `others` are the other phones that the user claimed within `WITHIN`."""
    weak = _STRENGTH[claim.proof] < STRONG
    if claim.at > now + _CLOCKS_DIFFER:
        return Judgement.REFUSE, FROM_THE_FUTURE
    if weak and others >= MOST_PHONES:
        return Judgement.REFUSE, TOO_MANY
    if weak and claim.denied:
        return Judgement.CONTEST, DENIED
    if holder is not None and not outranks(claim, holder):
        return Judgement.CONTEST, HOLDER_WITHDREW if holder.withdrew else HELD_BY_ANOTHER
    if suffices(claim.proof, demand):
        return Judgement.GRANT, _WELL_PROVEN
    return Judgement.HOLD, _ONLY_WHAT_COMES
