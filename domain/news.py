"""How often staff hear the numbers of their unit, and for which days: the newest period that is over (R32)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum

from domain.clock import to_vietnam

_FROM, _UNTIL = time(8), time(18)  # Vietnam's time: at work


class Rhythm(StrEnum):
    """The values are stored with the grant."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def is_told_now(now: datetime) -> bool:
    """Whether news may be told at this hour; what was not told today is told tomorrow."""
    return _FROM <= to_vietnam(now).time() < _UNTIL


def newest_period(rhythm: Rhythm, today: date) -> tuple[date, date]:
    """The first and the last day of the newest whole day, week (Monday to Sunday) or month before `today`."""
    match rhythm:
        case Rhythm.DAY:
            first, end = today - timedelta(days=1), today
        case Rhythm.WEEK:
            end = today - timedelta(days=today.weekday())
            first = end - timedelta(days=7)
        case Rhythm.MONTH:
            end = today.replace(day=1)
            first = (end - timedelta(days=1)).replace(day=1)
    return first, end - timedelta(days=1)
