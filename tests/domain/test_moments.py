"""Dates that mean "none", dates that can be believed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.moments import NONE_DATES, is_believable, read_local, stands_for_none

NOW = datetime(2026, 2, 19, tzinfo=UTC)
NONE: tuple[Any, ...] = (
    *(None, "", " ", 0, "0", "00000000", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00.000Z", "00/00/0000"),
    *("1899-12-30", "1899-12-30 00:00:00", "1899-12-31", "1900-01-01", "1904-01-01", "1753-01-01", "1601-01-01"),
    *("1970-01-01", "1970-01-01 07:00:00", "1970-01-01 08:00:00", "1970-01-01T00:00:00Z", "1970-01-01T07:00:00+07:00"),
    *("1969-12-31 17:00:00", "0001-01-01", "0001-01-01 07:06:30", "1000-01-01 00:00:00", "9999-12-31"),
    *("9999-12-31 23:59:59.9999999", "9999-12-31T23:59:59.999", "9999-12-30 17:00:00", "10000-01-01 06:59:59"),
    *("infinity", "-infinity", "Infinity", "4713-01-01 BC", "-4712-01-01", "294276-12-31 23:59:59", "5874897-12-31"),
    *("2038-01-19 03:14:07", "2038-01-19 10:14:07", "2079-06-06 23:59:00", "2155-12-31", "1858-11-17"),
    *(datetime.min, datetime.max, date.min, date.max),  # noqa: DTZ901 (naive, as in the source)
    datetime.max.replace(tzinfo=UTC),
    datetime(1970, 1, 1, 8),  # noqa: DTZ001 (naive, as in the source)
)


@pytest.mark.parametrize("stored", NONE, ids=repr)
def test_what_programs_store_for_no_date_is_none(stored: Any) -> None:
    """Zeros, firsts and lasts of date types, with and without the hours of a zone."""
    assert read_local(stored) is None


@pytest.mark.parametrize(
    "stored", ["26/02/2024", "2024-13-01", "20240-02-19", "0044-03-15 BC", "mai", b"\xff", "0" * 50 + "x"]
)
def test_what_is_no_date_is_said_and_not_guessed(stored: Any) -> None:
    """05/02/2024 may be May or February: the mapping's SQL has to say."""
    with pytest.raises(ValueError, match=r"."):
        read_local(stored)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)))  # noqa: DTZ001 (naive, as in the source)
def test_a_time_of_our_days_is_itself(moment: datetime) -> None:
    """As a time, as a text, with seconds or with a zone."""
    assert read_local(moment) == moment
    assert read_local(moment.isoformat(" ")) == moment
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=7)))
    assert read_local(zoned.isoformat()) == zoned


@given(st.sampled_from(sorted(NONE_DATES)), st.integers(0, 14))
def test_a_stand_in_stays_one_whatever_zone_it_went_through(day: date, hours: int) -> None:
    """Hours are added or taken away on the way through drivers and zones."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (naive, as in the source)
    assert stands_for_none(midnight + timedelta(hours=min(hours, 13)))
    if day.year > 1:
        assert stands_for_none(midnight - timedelta(hours=hours))


@pytest.mark.parametrize(("year", "believed"), [(1999, False), (2000, True), (2024, True), (2046, True), (2047, False)])
def test_only_times_of_a_dossiers_life_are_believed(year: int, believed: bool) -> None:
    """Not from before there were such systems, nor more than twenty years ahead."""
    assert is_believable(datetime(year, 6, 1, tzinfo=UTC), NOW) is believed
