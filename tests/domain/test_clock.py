"""Time: the source's zone at the door, UTC inside, Vietnam's in what people read."""

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import VIETNAM, appointment, from_local, to_vietnam


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2024, 2, 26, 9, 9, tzinfo=VIETNAM), "sau 9 giờ 9 phút, ngày 26/02/2024"),
        (datetime(2024, 2, 26, 2, 9, tzinfo=UTC), "sau 9 giờ 9 phút, ngày 26/02/2024"),
        (datetime(2024, 2, 26, 14, 0, tzinfo=VIETNAM), "sau 14 giờ 0 phút, ngày 26/02/2024"),
        (datetime(2024, 1, 5, 0, 0, tzinfo=VIETNAM), "sau 0 giờ 0 phút, ngày 05/01/2024"),
        (datetime(2024, 12, 31, 17, 30, tzinfo=UTC), "sau 0 giờ 30 phút, ngày 01/01/2025"),
        (datetime(2024, 2, 26, 3, 9, 59, tzinfo=timezone(timedelta(hours=1))), "sau 9 giờ 9 phút, ngày 26/02/2024"),
    ],
)
def test_r20_an_appointment_is_told_in_vietnam_hour_and_minute_bare(moment: datetime, words: str) -> None:
    """9 giờ 9 phút, not 09 giờ 09 phút; but 26/02, not 26/2 (R20)."""
    assert appointment(moment) == words


def test_a_moment_without_a_zone_is_refused() -> None:
    """Guessing a zone would move an appointment by seven hours."""
    naive = datetime(2024, 2, 26, 9, 9)  # noqa: DTZ001 (that is the point)
    with pytest.raises(ValueError, match="time zone"):
        appointment(naive)
    with pytest.raises(ValueError, match="time zone"):
        to_vietnam(naive)


def test_a_local_time_of_the_source_becomes_utc() -> None:
    """The one-stop products store what their server's clock showed."""
    local = datetime(2024, 2, 26, 9, 9)  # noqa: DTZ001 (as it comes from the source)
    assert from_local(local, VIETNAM) == datetime(2024, 2, 26, 2, 9, tzinfo=UTC)
    assert from_local(local, VIETNAM).tzinfo is UTC
    assert from_local(local, ZoneInfo("Asia/Tokyo")) == datetime(2024, 2, 26, 0, 9, tzinfo=UTC)


def test_a_local_time_that_knows_its_zone_is_refused() -> None:
    """Two zones for one time: one of them is wrong."""
    with pytest.raises(ValueError, match="must not say a time zone"):
        from_local(datetime(2024, 2, 26, 9, 9, tzinfo=UTC), VIETNAM)


def test_a_stand_in_for_no_date_is_refused_with_a_sentence() -> None:
    """0001-01-01 has no UTC in Vietnam, and 9999-12-31 no Vietnam time: a ValueError, not an overflow."""
    with pytest.raises(ValueError, match="edge of the calendar"):
        from_local(datetime.min, VIETNAM)  # noqa: DTZ901 (as it comes from the source)
    with pytest.raises(ValueError, match="edge of the calendar"):
        to_vietnam(datetime.max.replace(tzinfo=UTC))


@given(st.datetimes(min_value=datetime(1976, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 (a source's)
def test_there_and_back_is_the_same_clock(local: datetime) -> None:
    """What the source's clock showed is what the citizen reads."""
    moment = from_local(local, VIETNAM)
    assert to_vietnam(moment).replace(tzinfo=None) == local
    assert re.fullmatch(r"sau \d{1,2} giờ \d{1,2} phút, ngày \d\d/\d\d/\d{4}", appointment(moment))
