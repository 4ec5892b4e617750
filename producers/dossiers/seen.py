"""An event as a page of the source showed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worker.domain.event import Event

FLOOD = 1000  # notices at once: a bulk close, a gap that was caught up; they drain beside what happens meanwhile


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, since when it may count as fresh, and when the source was asked for it, if that is known (UTC).

    `asked_at` is a time of the ledger's clock, before the question; the newest one, where it was found several times.
    """

    event: Event
    fresh_at: datetime
    asked_at: datetime | None = None
