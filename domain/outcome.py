"""What a channel returns for one attempt: a closed set of values; exceptions are for surprises.

Outcome
├── Sent         Zalo accepted it                         → sent
├── Wait         not now, and not our failure             → due later, no attempt is counted
├── TryLater     failed before anything could arrive      → due later, with back-off
├── Unreachable  this person cannot be reached here       → next channel, or unreachable
├── Refused      this message will never be accepted      → dead, an operator decides
└── Uncertain    it may have arrived                      → uncertain, settled by asking
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from domain.value_object import value_object


class HoldScope(StrEnum):
    """How far a `Wait` reaches."""

    NOTICE = "notice"  # only this notice
    PERSON = "person"  # every notice to this person on this channel
    TEMPLATE = "template"  # every notice of this kind on this channel
    CHANNEL = "channel"  # every notice of this OA on this channel
    APP = "app"  # every call of this app, whichever the OA
    TOKEN = "token"  # every notice of this OA until the access token is renewed  # noqa: S105 (a word, not a secret)


@value_object
class Sent:
    message_id: str


@value_object
class Wait:
    reason: str
    seconds: float
    hold: HoldScope = HoldScope.NOTICE
    code: int | None = None


@value_object
class TryLater:
    """`unreached`: the server could not be reached at all, which is no evidence about this notice."""

    reason: str
    code: int | None = None
    unreached: bool = False


@value_object
class Unreachable:
    reason: str
    code: int | None = None


@value_object
class Refused:
    reason: str
    code: int | None = None


@value_object
class EarlierTry:
    """A try that the ledger lost every trace of: its tag, and how many seconds ago it was marked."""

    tag: str
    seconds_ago: float


@value_object
class Uncertain:
    """`earlier`: this try was not sent, but an earlier one may have arrived."""

    reason: str
    code: int | None = None
    earlier: EarlierTry | None = None


Outcome: TypeAlias = Sent | Wait | TryLater | Unreachable | Refused | Uncertain


def word(outcome: Outcome) -> str:
    """The outcome's name as the ledger, the logs and the operators spell it."""
    return _WORDS[type(outcome)]


def code_of(outcome: Outcome) -> int | None:
    """Zalo's code for this outcome: 0 for an accepted one, None if no answer arrived."""
    return 0 if isinstance(outcome, Sent) else outcome.code


def is_unanswered(outcome: Outcome) -> bool:
    """Whether it is evidence that the server does not answer; a try that an earlier one kept from leaving is none."""
    if isinstance(outcome, Uncertain) and outcome.earlier is not None:
        return False
    return isinstance(outcome, TryLater | Uncertain) and outcome.code is None


def charged(outcome: Outcome) -> bool:
    """Whether it may have cost money: a refused message was not charged, an uncertain one may have been."""
    return isinstance(outcome, Sent | Uncertain)


_WORDS: dict[type, str] = {
    Sent: "sent",
    Wait: "wait",
    TryLater: "try_later",
    Unreachable: "unreachable",
    Refused: "refused",
    Uncertain: "uncertain",
}
