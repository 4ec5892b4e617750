"""The interaction window: since a person's last word to the OA a text is free, then charged, then refused.

Source: Zalo, "Tin tư vấn": free within 48 hours, charged until 7 days, refused after that (-230). Following, writing,
pressing a menu entry count as interactions; we may have missed some, so "closed" is what we know, not what is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

FREE = timedelta(hours=48)
OPEN = timedelta(days=7)


class Window(StrEnum):
    """Where a person stands by what we know."""

    FREE = "free"
    PAID = "paid"
    CLOSED = "closed"
    UNKNOWN = "unknown"  # no interaction is known: Zalo's answer tells


def window(interacted_at: datetime | None, now: datetime) -> Window:
    """The window of a person who last interacted at that moment."""
    if interacted_at is None:
        return Window.UNKNOWN
    age = now - interacted_at
    if age <= FREE:
        return Window.FREE
    return Window.PAID if age <= OPEN else Window.CLOSED
