"""The days of a report by Vietnam's calendar, as somebody chose them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from domain.clock import VIETNAM
from ledger.reports.statistics import ReportPeriod

DAYS = 30
"""The length of a report for which no first day was chosen."""


def period_of(since: date | None, until: date | None, unit: str | None, *, folded: bool = True) -> ReportPeriod | None:
    """From the day `since` to the end of `until` (else today); None if `since` is the later one."""
    last = until or datetime.now(VIETNAM).date()
    first = since or last - timedelta(days=DAYS - 1)
    if first > last:
        return None
    return ReportPeriod(_midnight(first), _midnight(last + timedelta(days=1)), unit, folded)


def since_day(period: ReportPeriod, day: date) -> ReportPeriod:
    """What is left of the period from this day on."""
    return replace(period, since=max(period.since, _midnight(day)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, VIETNAM)
