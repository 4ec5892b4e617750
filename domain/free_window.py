"""Compute the interaction window: after a person's last interaction a text is free, then charged, then refused.

Source: Zalo, "Tin tư vấn": free within 48 hours, charged until 7 days, refused after that (-230). Following, writing
and pressing a menu entry count as interactions. We may have missed some, so "closed" is only what we know.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

FREE = timedelta(hours=48)
OPEN = timedelta(days=7)


class FreeWindow(StrEnum):
    """A person's window as far as we know."""

    FREE = "free"
    PAID = "paid"
    CLOSED = "closed"
    UNKNOWN = "unknown"  # no interaction is known: Zalo's answer decides


def window(interacted_at: datetime | None, now: datetime) -> FreeWindow:
    """The window of a person who last interacted at that moment."""
    if interacted_at is None:
        return FreeWindow.UNKNOWN
    age = now - interacted_at
    if age <= FREE:
        return FreeWindow.FREE
    return FreeWindow.PAID if age <= OPEN else FreeWindow.CLOSED
