"""News of units: the newest period that is over, in working hours; the probe has a name an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import VIETNAM
from domain.news import Rhythm, is_told_now, newest_period
from domain.probe import KEPT_HOURS, latest_keys, probe_code, probe_key


@pytest.mark.parametrize(
    ("rhythm", "today", "first", "last"),
    [
        (Rhythm.DAY, date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 28)),
        (Rhythm.WEEK, date(2026, 3, 1), date(2026, 2, 16), date(2026, 2, 22)),  # a Sunday
        (Rhythm.WEEK, date(2026, 3, 2), date(2026, 2, 23), date(2026, 3, 1)),  # a Monday
        (Rhythm.MONTH, date(2026, 3, 1), date(2026, 2, 1), date(2026, 2, 28)),
        (Rhythm.MONTH, date(2026, 1, 31), date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_the_newest_period_that_is_over(rhythm: Rhythm, today: date, first: date, last: date) -> None:
    assert newest_period(rhythm, today) == (first, last)


@given(rhythm=st.sampled_from(Rhythm), today=st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_periods_follow_each_other_without_a_gap(rhythm: Rhythm, today: date) -> None:
    """Every day is in one period, and none is told before it is over."""
    first, last = newest_period(rhythm, today)
    assert first <= last < today
    assert newest_period(rhythm, first)[1] == first - timedelta(days=1)
    assert newest_period(rhythm, last) != (first, last)


@pytest.mark.parametrize(("hour", "told"), [(7, False), (8, True), (17, True), (18, False), (0, False)])
def test_nobody_hears_of_numbers_in_the_evening(hour: int, told: bool) -> None:
    assert is_told_now(datetime(2026, 3, 1, hour, 30, tzinfo=VIETNAM).astimezone(UTC)) is told


@given(at=st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 (bounds of it)
def test_each_hour_has_a_probe_of_its_own(at: datetime) -> None:
    """Its text differs from that of the hour before, so a look-up at Zalo cannot take one for the other."""
    assert probe_code(at) != probe_code(at + timedelta(hours=1))
    keys = latest_keys(at)
    assert keys[0] == probe_key(at)
    assert len(set(keys)) == KEPT_HOURS + 1
