"""The shared limit against demand that nobody thought of: hypothesis looks for a minute that is too full."""

from __future__ import annotations

import math
from typing import Any

import fakeredis
from hypothesis import given, settings
from hypothesis import strategies as st

from coordination.limits import Lane, Limit, Limiter
from coordination.pace import BURST_SECONDS, SLICE_SECONDS, WINDOW_SECONDS
from tests.coordination.conftest import Clock
from tests.coordination.traffic import Arrivals, crowd

KEYS = [
    "hcc:limits",
    *(f"hcc:limit:{name}{part}" for name in ("app:1", "oa:1") for part in ("", ":log")),
]
"""All that the limiter keeps of these two limits: any of it may be evicted or deleted, alone."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("take and wait"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("use half"), st.integers(1, 80), st.sampled_from(Lane)),
        st.tuples(st.just("pass"), st.sampled_from([1e-6, 0.01, 0.5, 3.0, 10.0, 59.0, 61.0, 600.0])),
        st.tuples(st.just("flush")),
        st.tuples(st.just("restart")),
        st.tuples(st.just("lose"), st.sampled_from(KEYS)),
    ),
    max_size=60,
)


@given(per_minute=st.sampled_from([1, 2, 6, 13, 59, 60, 61, 400]), steps=steps)
@settings(max_examples=60)
def test_no_sequence_of_takes_waits_and_losses_overfills_a_minute(
    per_minute: int, steps: list[tuple[Any, ...]]
) -> None:
    """Whatever is asked for, given back, flushed, restarted or lost key by key, no 60 seconds exceed the limit."""
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
        case ("lose", key):
            store.delete(key)


@given(
    per_minute=st.sampled_from([59, 600]),
    lost=st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0.0, 60.0)), min_size=1, max_size=4),
)
@settings(max_examples=10)
def test_whatever_key_is_lost_the_limit_is_used_again_soon(per_minute: int, lost: list[tuple[str, float]]) -> None:
    """Each loss costs a burst, two permits and a slice of time; never a minute."""
    clock, out = Clock(), Arrivals()
    limits = [Limit("app:1", per_minute), Limit("oa:1", per_minute * 2)]
    coming = sorted(lost, key=lambda one: -one[1])
    with fakeredis.FakeRedis(decode_responses=True) as store:
        limiter = Limiter(store, clock=clock)
        began = clock.now

        def lose() -> None:
            while coming and clock.now >= began + coming[-1][1] * 1e6:
                store.delete(coming.pop()[0])

        out = crowd(limiter, clock, limits, 70, workers=1, meanwhile=lose)
    gap = WINDOW_SECONDS / per_minute
    dead = (len(lost) + 1) * (BURST_SECONDS + 2 * gap + SLICE_SECONDS)  # the first life began in debt as well
    assert out.fullest_minute() <= per_minute
    assert out.within(began, 70) >= math.floor((70 - dead) / gap)
