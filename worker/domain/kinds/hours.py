"""When reminders may be sent: they can wait, so people are not woken by them (decree 91/2020; 7:00 to 21:00)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from worker.domain.clock import to_vietnam
from worker.domain.kinds import REMINDERS

_FROM, _UNTIL = time(7), time(21)  # on a clock in Vietnam


def asleep(now: datetime) -> frozenset[str]:
    """The kinds that are not sent at this hour."""
    return frozenset() if _FROM <= to_vietnam(now).time() < _UNTIL else frozenset(REMINDERS)


def dawn(now: datetime) -> datetime:
    """The next moment at which kinds that sleep may be sent."""
    here = to_vietnam(now)
    today = here.replace(hour=_FROM.hour, minute=_FROM.minute, second=0, microsecond=0)
    return today if today > here else today + timedelta(days=1)
