"""From an outcome to a decision: each case a row, with its arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycle import State, may_move
from domain.outcome import Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from domain.retry import Decision, Patience, back_off, decide

NOW = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
PATIENCE = Patience(base=30, cap=3600, max_age=timedelta(hours=72))


def decided(outcome: Outcome, *, attempts: int = 0, age: timedelta = timedelta(), jitter: float = 0.5) -> Decision:
    """`decide` at one moment."""
    return decide(outcome, attempts=attempts, fresh_at=NOW - age, now=NOW, patience=PATIENCE, jitter=jitter)


@pytest.mark.parametrize(
    ("outcome", "state", "counts"),
    [
        (Sent("m1"), State.SENT, True),
        (Wait("rate", 7), State.DUE, False),  # a wait is not an attempt
        (TryLater("refused"), State.DUE, True),
        (Unreachable("no Zalo"), State.UNREACHABLE, True),
        (Refused("bad"), State.DEAD, True),
        (Uncertain("reset"), State.UNCERTAIN, True),
    ],
)
def test_each_outcome_has_its_state(outcome: Outcome, state: State, counts: bool) -> None:
    """The closed set of outcomes and the ledger's moves correspond one to one."""
    decision = decided(outcome)
    assert (decision.state, decision.counts) == (state, counts)
    assert may_move(State.SENDING, decision.state)


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [
        (0, 0.5, 15),  # 30 · 2^0 · 0.5
        (1, 0.5, 30),  # 30 · 2^1 · 0.5
        (3, 1.0, 240),  # 30 · 2^3
        (7, 1.0, 3600),  # 30 · 2^7 = 3840, capped
        (900, 1.0, 3600),  # no overflow
        (5, 0.0, 0),  # full jitter begins at nothing
    ],
)
def test_retries_wait_exponentially_with_full_jitter(attempts: int, jitter: float, seconds: float) -> None:
    """§5: from 30 s to 1 h, anything below the ceiling."""
    assert back_off(attempts, PATIENCE, jitter) == timedelta(seconds=seconds)


def test_a_retry_beyond_the_age_limit_is_a_dead_letter() -> None:
    """R15: 71 h 59 min old, and the next try would be 30 s · 2^4 = 8 min away."""
    decision = decided(TryLater("refused"), attempts=4, age=timedelta(hours=71, minutes=59), jitter=1.0)
    assert decision.state is State.DEAD
    assert decision.reason is not None
    assert "refused" in decision.reason


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_negative_or_above_the_cap(attempts: int, jitter: float) -> None:
    """Whatever the count and the dice."""
    assert timedelta() <= back_off(attempts, PATIENCE, jitter) <= timedelta(seconds=PATIENCE.cap)
