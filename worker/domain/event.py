"""What the rules make of a change: an event worth telling, a reason to keep silent, or something odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a dossier, worth telling one person once.

    `at` is when it happened (UTC) and orders the notices of a dossier; `phone` is raw, as the source has it.
    """

    code: str
    kind: str
    occurrence: str
    at: datetime
    phone: str | None = field(repr=False)
    unit: str | None = None
    amount: int | None = None
    appointment_at: datetime | None = None
    sms: bool = False  # the dossier asks for notices by SMS (R33)

    @property
    def key(self) -> str:
        """`{code}/{kind}/{occurrence}`: unique per OA, so that an event is told once (R10)."""
        return event_key(self.code, self.kind, self.occurrence)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An event that is no longer true: a notice of it that has not left yet is suppressed."""

    code: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Oddity:
    """A change that looks like an event but cannot be told; somebody should look at the source."""

    key: str
    why: str


def event_key(code: str, kind: str, occurrence: str) -> str:
    """The one spelling of an event's key."""
    return f"{code}/{kind}/{occurrence}"
