"""What staff are alarmed of in the chat: one of a closed list, so that no text of ours tells more (R23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class AlarmCause(StrEnum):
    """The words are stored with the alarm."""

    DUE = "due"  # notices that may go do not leave
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
    TEST = "test"  # an operator tries whether alarms arrive


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """An alarm as a text tells it; `ended_at` None: it lasts. Times are UTC."""

    cause: AlarmCause
    began_at: datetime
    ended_at: datetime | None = None


def alarm_json(alarm: AlarmFacts) -> dict[str, Any]:
    """As a notice's facts keep it."""
    ended = alarm.ended_at.isoformat() if alarm.ended_at else None
    return {**asdict(alarm), "began_at": alarm.began_at.isoformat(), "ended_at": ended}


def read_alarm(kept: Mapping[str, Any]) -> AlarmFacts:
    """Raises `KeyError`, `ValueError` or `TypeError` where it is none."""
    ended = kept["ended_at"]
    return AlarmFacts(
        AlarmCause(kept["cause"]),
        datetime.fromisoformat(kept["began_at"]),
        datetime.fromisoformat(ended) if ended else None,
    )
