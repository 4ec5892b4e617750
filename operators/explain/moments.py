"""Times as the answers say them, in Vietnam's time."""

from __future__ import annotations

from datetime import datetime

from domain.clock import to_vietnam
from operators.phrasebook import Word


def at_minute(moment: datetime, now: datetime) -> Word:
    """'09:16', with its day if that is not today: '09:16 ngày 19/02', '09:16 on 19/02'."""
    clock = f"{to_vietnam(moment):%H:%M}"
    if to_vietnam(moment).date() == to_vietnam(now).date():
        return Word(clock, clock)
    return at_day_and_minute(moment, now)


def at_day_and_minute(moment: datetime, now: datetime) -> Word:
    """'09:16 ngày 19/02', '09:16 on 19/02'; with the year if it is another one."""
    clock, day = f"{to_vietnam(moment):%H:%M}", on_day(moment, now)
    return Word(f"{clock} ngày {day}", f"{clock} on {day}")


def on_day(moment: datetime, now: datetime) -> str:
    """'19/02', with the year if it is not this one: '19/02/2024'."""
    here = to_vietnam(moment)
    return f"{here:%d/%m}" if here.year == to_vietnam(now).year else f"{here:%d/%m/%Y}"


def span(seconds: float) -> Word:
    """'12 phút', '12 minutes': in seconds below two minutes, in hours from two hours on."""
    if seconds < 120:  # noqa: PLR2004 (two minutes)
        number, vi, en = round(seconds), "giây", "second"
    elif seconds < 7200:  # noqa: PLR2004 (two hours)
        number, vi, en = round(seconds / 60), "phút", "minute"
    else:
        number, vi, en = round(seconds / 3600), "giờ", "hour"
    return Word(f"{number} {vi}", f"{number} {en}{'' if number == 1 else 's'}")
