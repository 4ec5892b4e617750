"""The window of calls in flight: it grows where that helps, and gives way where the far side gets slow or silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flow import FIRST, LEAST, Flow

MOST = 400


def go_rounds(flow: Flow, rounds: int, ms: float, *, answered: bool = True, used: float = 1.0) -> None:
    """So many rounds of answers of one kind, with that share of the window in flight."""
    for _ in range(rounds):
        for _ in range(flow.window):
            flow.landed(ms, answered=answered, flying=round(flow.window * used))


def test_a_flood_over_a_fast_line_gets_the_whole_window() -> None:
    """Within a dozen rounds: at 50 ms that is less than a second."""
    flow = Flow(MOST)
    go_rounds(flow, 12, 50)
    assert flow.window == MOST


def test_the_window_is_never_wider_than_allowed() -> None:
    """Also at the very beginning."""
    flow = Flow(10)
    assert flow.window == 10
    go_rounds(flow, 12, 50)
    assert flow.window == 10


def test_what_is_not_used_does_not_grow() -> None:
    """Under a limit of calls a minute a few are in flight; a large window would be a guess."""
    flow = Flow(MOST)
    go_rounds(flow, 50, 50, used=0.2)
    assert flow.window == FIRST


def test_a_far_side_that_does_not_answer_is_left_with_few() -> None:
    """An outage holds few connections, and finds back by itself when it is over."""
    flow = Flow(MOST)
    go_rounds(flow, 8, 10_000, answered=False)
    assert flow.window == LEAST
    go_rounds(flow, 40, 50)
    assert flow.window == MOST


def test_a_stray_failure_changes_nothing() -> None:
    """One reset among hundreds of answers is no outage."""
    flow = Flow(MOST)
    for number in range(FIRST):
        flow.landed(50, answered=number != 7, flying=FIRST)
    assert flow.window > FIRST


@pytest.mark.parametrize("slow_ms", [600, 5_000])
def test_answers_that_get_slower_narrow_the_window(slow_ms: float) -> None:
    """A queue at the far side grows with what we send: less in flight costs no throughput."""
    flow = Flow(MOST)
    go_rounds(flow, 12, 50)
    go_rounds(flow, 3, slow_ms)
    assert flow.window <= MOST / 2


def test_our_own_doings_are_not_taken_for_slowness() -> None:
    """Between two looks at the wire we claim and settle: a line of 1 ms then seems to take 60."""
    flow = Flow(MOST)
    go_rounds(flow, 3, 1)
    go_rounds(flow, 12, 60)
    assert flow.window == MOST


def test_what_is_usual_by_now_becomes_the_measure() -> None:
    """A far side that is slow for good is not punished for ever."""
    flow = Flow(MOST)
    go_rounds(flow, 5, 50)
    go_rounds(flow, 400, 900)
    narrow = flow.window
    go_rounds(flow, 40, 900)
    assert flow.window > narrow or flow.window == MOST


@given(st.lists(st.tuples(st.floats(0, 60_000), st.booleans(), st.integers(1, 1000)), max_size=3000))
def test_the_window_never_leaves_its_bounds(answers: list[tuple[float, bool, int]]) -> None:
    """Whatever comes."""
    flow = Flow(MOST)
    for ms, answered, flying in answers:
        flow.landed(ms, answered=answered, flying=flying)
        assert LEAST <= flow.window <= MOST
