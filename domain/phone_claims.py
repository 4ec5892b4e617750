"""Decide whose phone it is: a claim is a request, and its proof decides what it may move (R29).

A user who shares a phone in the chat may type any number. So a phone that nobody holds goes to the user who claims
it, but only for future notices. Notices from before the claim wait for the proof that the settings demand. A phone that
somebody holds, or whose holder withdrew, moves by a stronger proof only: numbers are reassigned to other people, and
strangers type them.
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
    """The weakest proof accepted for notices from before the claim (HCC_PHONE_PROOF)."""

    NONE = "none"
    CODE = "code"
    STRONG = "strong"


class Judgement(StrEnum):
    """The result of a claim."""

    GRANT = "grant"  # the user has the phone and gets all waiting notices
    HOLD = "hold"  # the user has the phone for future notices; those from before the claim wait for a proof
    CONTEST = "contest"  # nothing moves: a stronger proof, or a clerk, decides
    REFUSE = "refuse"  # nothing moves, and no proof of this claim is accepted


STRONG = 2
_STRENGTH = {Proof.NONE: 0, Proof.CODE: 1} | dict.fromkeys(
    (Proof.ONE_TIME, Proof.CLERK, Proof.OPERATOR, Proof.TOKEN), STRONG
)
_DEMANDED = {Demand.NONE: 0, Demand.CODE: 1, Demand.STRONG: STRONG}
_RENEWS = frozenset({Proof.ONE_TIME, Proof.CLERK, Proof.TOKEN})

MOST_PHONES = 3
WITHIN = timedelta(days=30)
"""A user may claim at most `MOST_PHONES` phones within this time."""

MOST_TRIES = 3
"""At most this many tries with one sent code, and this many per day and user with codes of dossiers."""
CODE_LIVES = timedelta(minutes=10)
MOST_CODES = 3
"""At most this many codes per day are sent to one phone, whoever claims it."""

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
    """A Zalo user has claimed this person's phone since `at` (UTC); `proved_at` is when the proof arrived.

    `denied`: a holder of the phone answered that the claim is wrong.
    """

    user_id: str = field(repr=False)
    person_id: int
    at: datetime
    proof: Proof = Proof.NONE
    proved_at: datetime | None = None
    denied: bool = False

    @property
    def since(self) -> datetime:
        """The moment by which proofs of equal strength are compared."""
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
    """Whether the proof is enough for notices from before the claim."""
    return _STRENGTH[proof] >= _DEMANDED[demand]


def outranks(claim: Claim, holder: Holder) -> bool:
    """Whether the claim's proof takes the phone from that holder: stronger, or as strong, newer and renewing (R29)."""
    ours, theirs = _STRENGTH[claim.proof], _STRENGTH[holder.proof]
    return ours > theirs or (ours == theirs == STRONG and claim.proof in _RENEWS and claim.since > holder.since)


def decide(
    holder: Holder | None, claim: Claim, demand: Demand, now: datetime, *, others: int = 0
) -> tuple[Judgement, str]:
    """The result of the claim, and why. `others`: how many other phones the user claimed within `WITHIN`."""
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
