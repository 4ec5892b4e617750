"""Read dates from other programs: which of them mean "none", and which are plausible.

A program that cannot store "no date" stores the first, the last or the zero value of its type. These are read as none
at any hour, since a zone offset may have been added: 1970-01-01 07:00 and 08:00 are zero in Vietnam and China.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from domain.cells import as_text, plain

NONE_DATES: dict[date, str] = {
    date(
        1, 1, 1
    ): "first of .NET's DateTime, Java's and Python's years, SQL Server's datetime2, '-infinity' of PostgreSQL",
    date(1000, 1, 1): "first of MySQL's DATETIME",
    date(1582, 10, 15): "first of the Gregorian calendar: SAS, Lilian days",
    date(1601, 1, 1): "zero of Windows file times",
    date(1752, 9, 14): "first of the calendar in Britain: old Sybase",
    date(1753, 1, 1): "first of SQL Server's datetime, and of date pickers of Windows",
    date(1800, 1, 1): "first of Visual FoxPro's and Clarion's habits",
    date(1858, 11, 17): "zero of the modified Julian day",
    date(1899, 12, 30): "zero of Excel, Access, Delphi and OLE automation",
    date(1899, 12, 31): "zero of Excel, as some count it",
    date(1900, 1, 1): "zero of SQL Server's datetime, first of smalldatetime",
    date(1901, 1, 1): "first of MySQL's YEAR",
    date(1901, 12, 13): "first of 32 bits of seconds",
    date(1904, 1, 1): "zero of Excel on Macintosh",
    date(1970, 1, 1): "zero of Unix, first of MySQL's TIMESTAMP",
    date(1980, 1, 1): "zero of FAT and ZIP",
    date(2079, 6, 6): "last of SQL Server's smalldatetime",
    date(2155, 12, 31): "last of MySQL's YEAR",
    date(9999, 12, 31): "last of most types, 'infinity' of PostgreSQL",
}
"""The dates that stand for none, and the types and programs that use them."""

_HOURS = timedelta(hours=14)  # the largest zone offset: a time this close to a stand-in is that stand-in
_LAST_OF_SECONDS = (
    2038,
    1,
    19,
    14,
    7,
)  # year, month, day, minute, second: the last second in 32 bits, whatever the hour in a zone
_NOTHING = re.compile(r"[-/. T:0]*Z?|[-+]?inf(?:inity)?", re.IGNORECASE)
_BEYOND = re.compile(r"-?0*(?:4712|4713|4714)-.*|(?:294276|294277|5874897|5874898|10000)-.*", re.IGNORECASE)

_FIRST_YEAR = 2000  # no such system has older dossiers of its own
_YEARS_AHEAD = 20  # no appointment or deadline lies farther ahead


def read_local(value: object) -> datetime | None:
    """The time in a field, with or without a zone; None for an empty field and for a stand-in for "none".

    Raises `ValueError` if the value is not a time.
    """
    if isinstance(value, datetime):
        return None if stands_for_none(value) else value
    if isinstance(value, date):
        return read_local(datetime.combine(value, time.min))
    text = plain(as_text(value) or "") if value is not None else ""
    if _NOTHING.fullmatch(text) or _BEYOND.fullmatch(text):
        return None
    return read_local(datetime.fromisoformat(text))  # text: from SQLite, and for times that Python cannot represent


def stands_for_none(moment: datetime) -> bool:
    """Whether a time is in the table above, in its own zone or in any other."""
    if _FIRST_YEAR <= moment.year < _LAST_OF_SECONDS[0]:
        return False
    local = moment.replace(tzinfo=None)
    if (local.year, local.month, local.day, local.minute, local.second) == _LAST_OF_SECONDS:
        return True
    return local.date() in NONE_DATES or any(
        day in NONE_DATES and _is_near(local, day) for day in (_next(local), _next(local, -1)) if day
    )


def is_believable(moment: datetime, now: datetime) -> bool:
    """Whether a dossier can have this time: neither from before such systems existed nor from the far future."""
    return _FIRST_YEAR <= moment.year <= now.year + _YEARS_AHEAD


def _next(moment: datetime, days: int = 1) -> date | None:
    try:
        return moment.date() + timedelta(days=days)
    except OverflowError:
        return None


def _is_near(moment: datetime, day: date) -> bool:
    """Whether a moment of the day before or after is the stand-in's midnight shifted by a zone offset."""
    if day.year in (1, 9999):
        return True
    midnight = datetime.combine(day, time.min)
    return day > moment.date() and midnight - moment <= _HOURS
