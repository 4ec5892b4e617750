"""Our mark on a message: the notice's number comes back from it, and nothing of a person is in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tracking import notice_in, tracking_id


@given(st.integers(1, 2**63 - 1), st.text(max_size=60))
def test_a_mark_is_short_plain_stable_and_leads_back(notice: int, key: str) -> None:
    """At most 48 plain characters, the same for every attempt."""
    mark = tracking_id(notice, "4024926008133882615", key)
    assert re.fullmatch(r"[a-z0-9]{1,48}", mark)
    assert mark == tracking_id(notice, "4024926008133882615", key)
    assert notice_in(mark) == notice


def test_two_ledgers_under_one_oa_have_different_marks() -> None:
    """The same number in a trial run is another event."""
    assert tracking_id(7, "1", "H-1/accepted/1") != tracking_id(7, "1", "H-2/accepted/1")


@pytest.mark.parametrize("foreign", ["", "tracking_id", "7", "hcc0k0123456789ab", "hcc7", "hcc7k0123456789a", "n7"])
def test_a_foreign_mark_leads_nowhere(foreign: str) -> None:
    """Other programs use the same OA."""
    assert notice_in(foreign) is None
