"""Limit reminders to the hours from 7:00 to 21:00: they can wait, so they must not wake people (decree 91/2020)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from domain.clock import to_vietnam
from domain.kinds import REMINDERS

_FROM, _UNTIL = time(7), time(21)  # Vietnam's time


def asleep(now: datetime) -> frozenset[str]:
    """The kinds that are not sent at this hour."""
    return frozenset() if _FROM <= to_vietnam(now).time() < _UNTIL else frozenset(REMINDERS)


def dawn(now: datetime) -> datetime:
    """The next moment at which the kinds of `asleep` may be sent."""
    here = to_vietnam(now)
    today = here.replace(hour=_FROM.hour, minute=_FROM.minute, second=0, microsecond=0)
    return today if today > here else today + timedelta(days=1)
