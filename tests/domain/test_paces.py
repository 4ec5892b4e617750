"""A scheduled report is of the last whole day, week or month."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from domain.paces import ReportPace, ended_period, period_to


@pytest.mark.parametrize(
    ("pace", "at", "first", "last"),
    [
        ("daily", datetime(2026, 11, 29, 5, tzinfo=UTC), date(2026, 11, 28), date(2026, 11, 28)),
        ("daily", datetime(2026, 11, 28, 22, 59, tzinfo=UTC), date(2026, 11, 27), date(2026, 11, 27)),  # 05:59
        ("daily", datetime(2026, 11, 28, 23, 0, tzinfo=UTC), date(2026, 11, 28), date(2026, 11, 28)),  # 06:00
        ("weekly", datetime(2026, 11, 29, 5, tzinfo=UTC), date(2026, 11, 16), date(2026, 11, 22)),  # a Sunday
        ("weekly", datetime(2026, 11, 30, 5, tzinfo=UTC), date(2026, 11, 23), date(2026, 11, 29)),
        ("monthly", datetime(2026, 3, 1, 5, tzinfo=UTC), date(2026, 2, 1), date(2026, 2, 28)),
        ("monthly", datetime(2026, 1, 31, 5, tzinfo=UTC), date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_the_newest_period_that_is_ready(pace: str, at: datetime, first: date, last: date) -> None:
    """Ready is what ended before six in the morning of Vietnam's day."""
    assert ended_period(ReportPace(pace), at) == (first, last)
    assert period_to(ReportPace(pace), last) == (first, last)
