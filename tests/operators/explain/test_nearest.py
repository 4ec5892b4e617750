"""Which known codes are offered for an unknown one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from operators.explain.nearest import MOST, nearest, slips

CODE = "H27.37-240219-1001"


@given(st.integers(0, len(CODE) - 1), st.sampled_from("0123456789"))
def test_one_slip_of_a_finger_is_found(place: int, digit: str) -> None:
    """Another digit, one too many, one missing, two swapped: the meant code is one slip from the typed one."""
    typed = {
        CODE[:place] + CODE[place + 1 :],
        CODE[:place] + digit + CODE[place:],
        CODE[:place] + CODE[place : place + 2][::-1] + CODE[place + 2 :],
    }
    if CODE[place].isdigit():
        typed |= {CODE[:place] + digit + CODE[place + 1 :], CODE[:place] + CODE[place + 1 :]}
    missing = {one for one in typed if len(one) < len(CODE) and not CODE[place].isdigit()}
    assert all(CODE in slips(one) for one in typed - {CODE} - missing)


def test_there_are_few_enough_for_one_look_up() -> None:
    """Each is one search in an index."""
    assert len(slips(CODE)) < 400
    assert CODE not in slips(CODE)


def test_neighbours_count_only_with_the_same_beginning() -> None:
    """The most alike first, and never more than a few."""
    beside = ["H27.37-240219-1000", "H27.37-240219-1002", "H27.37-240218-9999", "H27.37-240219-1003", "X-1"]
    assert nearest("H27.37-240219-1001", [], beside)[0] in beside[:2]
    assert len(nearest("H27.37-240219-1001", [], beside)) == MOST
    assert nearest("Y-1", [], beside) == []
    assert nearest(CODE, ["H27.37-240219-1011"], beside)[0] == "H27.37-240219-1011"
