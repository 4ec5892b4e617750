"""The shared limit against demand that nobody thought of: hypothesis looks for a minute that is too full."""

from __future__ import annotations

from typing import Any

import fakeredis
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.queue.conftest import Clock
from tests.queue.traffic import Arrivals
from worker.queue.limits import Lane, Limit, Limiter

steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("take and wait"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("use half"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("pass"), st.sampled_from([1e-6, 0.01, 0.5, 3.0, 10.0, 59.0, 61.0, 600.0])),
        st.tuples(st.just("flush")),
        st.tuples(st.just("restart")),
    ),
    max_size=60,
)


@given(per_minute=st.sampled_from([1, 2, 6, 13, 59, 60, 61, 400]), steps=steps)
@settings(deadline=None, max_examples=60)
def test_no_sequence_of_takes_waits_and_losses_overfills_a_minute(
    per_minute: int, steps: list[tuple[Any, ...]]
) -> None:
    """Whatever is asked for, given back, flushed or restarted, no 60 seconds hold more than the limit."""
    clock, out = Clock(), Arrivals()
    with fakeredis.FakeRedis(decode_responses=True) as store:
        limiter = Limiter(store, clock=clock)
        for step in steps:
            play(step, store, limiter, clock, out, per_minute)
    assert out.fullest_minute() <= per_minute


def play(  # noqa: PLR0917 (the whole stage of one step)
    step: tuple[Any, ...], store: fakeredis.FakeRedis, limiter: Limiter, clock: Clock, out: Arrivals, per_minute: int
) -> None:
    """One step of the sequence; what is granted is used at once."""
    limits = [Limit("app:1", per_minute), Limit("oa:1", per_minute * 2)]
    match step:
        case ("take", wanted, lane):
            out.add(clock.now, limiter.take(limits, wanted, lane=lane).granted)
        case ("take and wait", wanted, lane):
            grant = limiter.take(limits, wanted, lane=lane)
            out.add(clock.now, grant.granted)
            clock.wait(grant.wait_seconds)
        case ("use half", wanted, lane):
            granted = limiter.take(limits, wanted, lane=lane).granted
            limiter.give_back(limits, granted // 2)
            out.add(clock.now, granted - granted // 2)
        case ("pass", seconds):
            clock.wait(seconds)
        case ("flush",):
            store.flushall()
        case ("restart",):
            store.script_flush()
