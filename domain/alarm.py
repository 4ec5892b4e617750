"""Alarms for staff in the chat: each has one cause of a closed list, so that no text of ours tells more (R23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class AlarmCause(StrEnum):
    """The values are stored with the alarm."""

    DUE = "due"  # notices that may leave do not leave
    SOURCE = "source"  # notices are not compared with the source
    EVENTS = "events"  # Zalo's events are not applied
    FEED = "feed"  # a feed is not read to its end
    DOUBTS = "doubts"  # doubts are not settled
    LEDGER = "ledger"
    REDIS = "redis"
    BROKER = "broker"
    TOKEN = "token"  # Zalo does not let us send  # noqa: S105 (a word)
    GUARD = "guard"  # notices are quarantined
    IDENTITY = "identity"  # the source is another database
    TEMPLATE = "template"  # the files of a template are bad; the version in use stays
    TEST = "test"  # an operator tests whether alarms arrive


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """The facts of an alarm for a text; `ended_at` is None while it lasts. Times are UTC."""

    cause: AlarmCause
    began_at: datetime
    ended_at: datetime | None = None


def alarm_json(alarm: AlarmFacts) -> dict[str, Any]:
    """An alarm as stored in a notice's facts."""
    ended = alarm.ended_at.isoformat() if alarm.ended_at else None
    return {**asdict(alarm), "began_at": alarm.began_at.isoformat(), "ended_at": ended}


def read_alarm(kept: Mapping[str, Any]) -> AlarmFacts:
    """The inverse of `alarm_json`. Raises `KeyError`, `ValueError` or `TypeError` if it is not an alarm."""
    ended = kept["ended_at"]
    return AlarmFacts(
        AlarmCause(kept["cause"]),
        datetime.fromisoformat(kept["began_at"]),
        datetime.fromisoformat(ended) if ended else None,
    )
