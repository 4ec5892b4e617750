"""An event as a page of the source showed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.event import Event

FLOOD = 1000  # notices at once: a bulk close, a gap that was caught up; they drain next to current events


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, the time since when it counts as fresh, and when the source was queried for it, if known (UTC).

    `asked_at` is a time of the ledger's clock before the query; the newest, if the event was found several times.
    """

    event: Event
    fresh_at: datetime
    asked_at: datetime | None = None
