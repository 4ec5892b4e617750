"""What became of an attempt whose outcome is unknown: decided by what the conversation shows (law 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LOOKED_UP = "zalo_cs"  # the one channel whose messages Zalo surely shows in the conversation

SKEW = timedelta(seconds=120)  # Zalo's clock and ours may differ; what is ours to tell apart we tell apart by counting

LOOKS = (3.0, 8.0, 20.0, 40.0)
"""Seconds after the attempt at which to look. How long Zalo takes from accepting to showing is not documented."""

GIVE_UP = 3600.0  # seconds after which no answer of Zalo's is expected to settle it: an operator decides


class Verdict(StrEnum):
    """What a look came to."""

    ARRIVED = "arrived"
    NOT_ARRIVED = "not arrived"
    UNCLEAR = "unclear"  # look again, or leave it to an operator


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a conversation as Zalo shows it; `ours` when the OA sent it."""

    ours: bool
    at: datetime
    text: str | None
    message_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """An uncertain notice: its words, when its request may have begun, how long ago it became uncertain (seconds).

    `told` counts the notices with the same words that this person is known to have got since `began` less `SKEW`:
    two fee requests of one amount read alike and must be told apart.
    """

    text: str
    began: datetime
    age: float
    told: int


def verdict(question: Question, rows: Sequence[Row], *, complete: bool) -> Verdict:
    """Judge by the rows since the request began; `complete` says that the rows reach back that far."""
    since = question.began - SKEW
    same = [row for row in rows if row.ours and row.text == question.text and row.at >= since]
    if len(same) > question.told:
        return Verdict.ARRIVED
    if complete and question.age >= LOOKS[-1]:
        return Verdict.NOT_ARRIVED
    return Verdict.UNCLEAR


def next_look(age: float) -> float:
    """Seconds until the next look, for a notice that has been uncertain for `age` seconds."""
    later = [look - age for look in LOOKS if look > age]
    return max(1.0, later[0]) if later else 60.0
