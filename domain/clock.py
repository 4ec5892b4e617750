"""Convert times: UTC inside, Vietnam's time in texts for people, the source's own zone when its rows are read."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def to_vietnam(moment: datetime) -> datetime:
    """The same moment in Vietnam's time. Raises `ValueError` for a time without a zone."""
    if moment.utcoffset() is None:
        raise ValueError("a moment must say its time zone")
    return _in(VIETNAM, moment)


def from_local(local: datetime, zone: tzinfo) -> datetime:
    """A local time in `zone` as UTC: databases of the one-stop products store local times without a zone.

    Raises `ValueError` if the time already has a zone, or is a stand-in for "none" at the edge of the calendar.
    """
    if local.tzinfo is not None:
        raise ValueError("a local time must not say a time zone")
    return _in(UTC, local.replace(tzinfo=zone))


def appointment(moment: datetime) -> str:
    """'sau 9 giờ 9 phút, ngày 26/02/2024': hour and minute unpadded, day and month in two digits, Vietnam's time (R20).

    Raises `ValueError` for a time without a zone.
    """
    return f"sau {_spoken(moment)}"


def deadline(moment: datetime) -> str:
    """'trước 17 giờ 0 phút, ngày 26/02/2024', formatted like an appointment. Raises `ValueError` likewise."""
    return f"trước {_spoken(moment)}"


def told_at(moment: datetime) -> str:
    """'9 giờ 16 phút, ngày 19/02/2024', formatted like an appointment. Raises `ValueError` likewise."""
    return _spoken(moment)


def to_the_second(moment: datetime) -> str:
    """'19/02/2024 09:16:05' for operators, in Vietnam's time. Raises `ValueError` for a time without a zone."""
    return f"{to_vietnam(moment):%d/%m/%Y %H:%M:%S}"


def _spoken(moment: datetime) -> str:
    at = to_vietnam(moment)
    return f"{at.hour} giờ {at.minute} phút, ngày {at.day:02}/{at.month:02}/{at.year:04}"


def _in(zone: tzinfo, moment: datetime) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # some programs store 0001-01-01 and 9999-12-31 for "no date"
        raise ValueError("a moment at the edge of the calendar stands for no time at all") from None
