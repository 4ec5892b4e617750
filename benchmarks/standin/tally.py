"""Counts the messages that the stand-in accepted: how many, duplicates, times, and the last ones of each person."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

_CODE = re.compile(r"H[0-9]{2}(?:\.[0-9]+)*-[0-9]{6}-[0-9]+")
_KEPT = 10  # messages per person: Zalo returns no more in one call


@dataclass(slots=True)
class Message:
    """One accepted message; its number is unique. `at` is in seconds since 1970."""

    number: int
    words: str
    at: float

    @property
    def id(self) -> str:
        """The message id in Zalo's format: twenty hexadecimal digits."""
        return f"{self.number:020x}"


@dataclass
class Tally:
    """Counts since the last reset. The same words to the same person twice are a duplicate."""

    accepted: int = 0
    first: float | None = None  # seconds since 1970
    last: float | None = None
    most: int = 0  # maximum number of concurrent sends
    moments: dict[str, float] = field(default_factory=dict)  # dossier code → when its first message was accepted
    seconds: Counter[int] = field(default_factory=Counter)  # second since 1970 → messages accepted in it
    _seen: set[int] = field(default_factory=set)
    _people: dict[str, deque[Message]] = field(default_factory=dict)

    def accept(self, message: Message, person: str) -> None:
        """Count one more message."""
        self.accepted += 1
        if self.first is None:
            self.first = message.at
        self.last = message.at
        self.seconds[int(message.at)] += 1
        self._seen.add(hash((person, message.words)))
        if found := _CODE.search(message.words):
            self.moments.setdefault(found[0], message.at)
        kept = self._people.get(person)
        if kept is None:
            kept = self._people[person] = deque(maxlen=_KEPT)
        kept.appendleft(message)

    def conversation(self, person: str) -> list[Message]:
        """The last messages to a person, the newest first."""
        return list(self._people.get(person, ()))

    def summary(self) -> dict[str, Any]:
        """The counts; see `client.Count`."""
        return {
            "accepted": self.accepted,
            "distinct": len(self._seen),
            "first": self.first,
            "last": self.last,
            "most": self.most,
        }
