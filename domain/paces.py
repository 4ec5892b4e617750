"""How often a report is sent, and for which days: the last whole day, week or month of Vietnam's calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.clock import to_vietnam

READY_HOUR = 6
"""From this hour of the day after a period on, its report is sent: the night's recount has ended."""


class ReportPace(StrEnum):
    """How often; the values are stored and typed."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def ended_period(pace: ReportPace, now: datetime) -> tuple[date, date]:
    """The first and the last day of the newest period whose report is ready."""
    today = (to_vietnam(now) - timedelta(hours=READY_HOUR)).date()
    return _PERIODS[pace](today)


def period_to(pace: ReportPace, last: date) -> tuple[date, date]:
    """The first and the last day of the period that ended with this day."""
    return _PERIODS[pace](last + timedelta(days=1))


def _day(today: date) -> tuple[date, date]:
    yesterday = today - timedelta(days=1)
    return yesterday, yesterday


def _week(today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(days=7), monday - timedelta(days=1)


def _month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


_PERIODS: Mapping[ReportPace, Callable[[date], tuple[date, date]]] = {
    ReportPace.DAILY: _day,
    ReportPace.WEEKLY: _week,
    ReportPace.MONTHLY: _month,
}
