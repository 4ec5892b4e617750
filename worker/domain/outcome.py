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

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Hold(StrEnum):
    """How far a `Wait` reaches."""

    NOTICE = "notice"  # only this notice
    PERSON = "person"  # whatever this person is to be told on this channel
    TEMPLATE = "template"  # every notice of this kind on this channel
    CHANNEL = "channel"  # every notice of this OA on this channel
    APP = "app"  # every call of this app, whichever the OA
    TOKEN = "token"  # every notice of this OA until the access token is renewed  # noqa: S105 (a word, not a secret)


@dataclass(frozen=True, slots=True)
class Sent:
    message_id: str


@dataclass(frozen=True, slots=True)
class Wait:
    reason: str
    seconds: float
    hold: Hold = Hold.NOTICE
    code: int | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """`unreached`: the far side could not be reached at all, which says nothing of this notice."""

    reason: str
    code: int | None = None
    unreached: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    reason: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class EarlierTry:
    """A try of which the ledger lost every trace: its tag, and how many seconds ago it was marked."""

    tag: str
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class Uncertain:
    """`earlier`: not this try may have arrived, which was kept back, but an earlier one."""

    reason: str
    code: int | None = None
    earlier: EarlierTry | None = None


Outcome: TypeAlias = Sent | Wait | TryLater | Unreachable | Refused | Uncertain


def word(outcome: Outcome) -> str:
    """The outcome's name as the ledger, the logs and the operators spell it."""
    return _WORDS[type(outcome)]


def code_of(outcome: Outcome) -> int | None:
    """Zalo's code for this outcome: 0 for an accepted one, None where no answer came."""
    return 0 if isinstance(outcome, Sent) else outcome.code


def charged(outcome: Outcome) -> bool:
    """Whether it may have cost money: what was refused was not charged, what is uncertain perhaps was."""
    return isinstance(outcome, Sent | Uncertain)


_WORDS: dict[type, str] = {
    Sent: "sent",
    Wait: "wait",
    TryLater: "try_later",
    Unreachable: "unreachable",
    Refused: "refused",
    Uncertain: "uncertain",
}
