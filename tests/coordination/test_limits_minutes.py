"""The shared limit over minutes of simulated traffic, judged by an exact sliding window, on the real server."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from redis import Redis

from coordination.limits import Lane, Limit, Limiter
from coordination.pace import BURST_SECONDS, WINDOW_SECONDS
from tests.coordination.conftest import Clock
from tests.coordination.traffic import Arrivals, crowd

OA = Limit("oa:1", 600)


@pytest.fixture
def limiter(valkey: Redis, clock: Clock) -> Limiter:
    """A limiter in simulated time."""
    return Limiter(valkey, clock=clock)


@pytest.mark.parametrize("per_minute", [1, 6, 59, 600, 4000])
def test_constant_demand_uses_99_percent_and_never_more_than_the_limit(
    limiter: Limiter, clock: Clock, per_minute: int
) -> None:
    """Four workers for three minutes: every 60 seconds within the limit, 99 % of it used in 90 seconds."""
    out = crowd(limiter, clock, [Limit("app:1", per_minute)], 185)
    assert out.fullest_minute() <= per_minute
    assert out.within(out.first, 90) >= int(per_minute * 1.5 * 0.99)
    assert out.within(out.first, 180) >= int(per_minute * 3 * 0.99)


def test_a_low_limit_is_spaced_evenly(limiter: Limiter, clock: Clock) -> None:
    """Six a minute are one each ten seconds, not six at once."""
    out = crowd(limiter, clock, [Limit("app:1", 6)], 120)
    gaps = [later[0] - sooner[0] for sooner, later in zip(out.log, out.log[1:], strict=False)]
    assert min(gaps) >= 9.6e6
    assert max(gaps) <= 10.2e6


@pytest.mark.parametrize("per_minute", [6, 4000])
def test_an_idle_time_saves_up_one_small_burst_and_no_more(limiter: Limiter, clock: Clock, per_minute: int) -> None:
    """After minutes of silence a batch goes out at once, and the minute that begins with it is within the limit."""
    limits = [Limit("app:1", per_minute)]
    crowd(limiter, clock, limits, 70)
    clock.wait(600)
    out = crowd(limiter, clock, limits, 130)
    assert out.log[0][1] <= 1 + BURST_SECONDS * per_minute / WINDOW_SECONDS
    assert out.fullest_minute() <= per_minute


@pytest.mark.parametrize(("workers", "late"), [(1, 0.3), (4, 0.3)])
def test_workers_that_come_back_late_find_what_they_did_not_fetch(
    limiter: Limiter, clock: Clock, workers: int, late: float
) -> None:
    """A stall that is shorter than the burst costs nothing."""
    out = crowd(limiter, clock, [OA], 95, workers=workers, late=late)
    assert out.within(out.first, 90) >= 891


@pytest.mark.parametrize("per_minute", [6, 4000])
def test_arrivals_that_jitter_by_0_3_seconds_are_not_refused(limiter: Limiter, clock: Clock, per_minute: int) -> None:
    """Between our grant and the provider's clock some calls take longer than others."""
    chance = random.Random(7)  # noqa: S311 (traffic, not secrets)
    out = Arrivals()
    for at, count in crowd(limiter, clock, [Limit("app:1", per_minute)], 180).log:
        for _ in range(count):
            out.add(at + chance.randrange(300_000), 1)
    assert out.fullest_minute() <= per_minute


@pytest.mark.parametrize(("per_minute", "late"), [(6, 20.0), (600, 0.5), (600, 3.0), (600, 20.0), (4000, 3.0)])
def test_calls_that_leave_late_and_say_so_are_not_refused(
    limiter: Limiter, clock: Clock, per_minute: int, late: float
) -> None:
    """A process that waits for a core: what left late says so at its answer, long before its minute is over."""
    limits = [Limit("app:1", per_minute)]
    out = Arrivals()
    for slow in (True, False, True, False):
        for at, count in crowd(limiter, clock, limits, 40).log:
            out.add(at + (round(late * 1e6) if slow else 0), count)
        if slow:
            limiter.late(limits, late)
    assert out.fullest_minute() <= per_minute


def test_a_limit_is_used_to_the_full_again_when_nothing_is_late(limiter: Limiter, clock: Clock) -> None:
    """Lateness is forgotten after two minutes."""
    limiter.late([OA], 20.0)
    crowd(limiter, clock, [OA], 150)
    out = crowd(limiter, clock, [OA], 95)
    assert out.within(out.first, 90) >= 891


def forget_everything(valkey: Redis) -> None:
    """FLUSHALL."""
    valkey.flushall()


def restart_with_an_old_file(valkey: Redis) -> None:
    """What a kill -9 leaves: a state of before, which looks as if nothing had been granted, and no scripts."""
    life = valkey.hgetall("hcc:limits")
    valkey.flushall()
    valkey.script_flush()
    valkey.hset("hcc:limits", mapping=life)
    valkey.hset("hcc:limit:app:1", mapping={"life": life["born"], "tat": 0, "used": 0})


@pytest.mark.parametrize("per_minute", [6, 4000])
@pytest.mark.parametrize("lose", [forget_everything, restart_with_an_old_file])
def test_a_loss_of_state_lets_no_fresh_burst_out(
    valkey: Redis, clock: Clock, per_minute: int, lose: Callable[[Redis], None]
) -> None:
    """Flushed or restarted at a bad moment, again and again: still no 60 seconds with more than the limit."""
    chance = random.Random(3)  # noqa: S311 (traffic, not secrets)

    def now_and_then() -> None:
        if chance.random() < 0.005:
            lose(valkey)

    limits = [Limit("app:1", per_minute)]
    limiter = Limiter(valkey, clock=clock)
    crowd(limiter, clock, limits, 10)
    clock.wait(100)
    out = crowd(limiter, clock, limits, 240, meanwhile=now_and_then)
    assert out.fullest_minute() <= per_minute


@pytest.mark.parametrize("key", ["hcc:limit:app:1:log", "hcc:limit:app:1", "hcc:limits"])
@pytest.mark.parametrize("per_minute", [6, 4000])
def test_a_key_that_is_gone_alone_neither_shuts_the_limit_nor_lets_a_burst_out(
    valkey: Redis, clock: Clock, per_minute: int, key: str
) -> None:
    """Evicted or deleted in a full minute: the next 90 seconds lack a burst, and no 60 exceed the limit."""
    limits = [Limit("app:1", per_minute)]
    limiter = Limiter(valkey, clock=clock)
    before = crowd(limiter, clock, limits, 90)
    assert valkey.delete(key) == 1
    began = clock.now
    after = crowd(limiter, clock, limits, 90)
    both = Arrivals(before.log + after.log)
    gap = WINDOW_SECONDS / per_minute
    assert both.fullest_minute() <= per_minute
    assert after.within(began, 90) >= int((90 - BURST_SECONDS - gap - 1) / gap)


def test_a_limit_that_rested_begins_with_its_burst_and_not_in_debt(valkey: Redis, clock: Clock) -> None:
    """Its state goes by itself once it is as good as new: that is no loss."""
    limiter = Limiter(valkey, clock=clock)
    crowd(limiter, clock, [OA], 10)
    clock.wait(2 * WINDOW_SECONDS + 10)
    valkey.delete("hcc:limit:oa:1", "hcc:limit:oa:1:log")  # as by its time to live, which is the server's own
    burst = int(BURST_SECONDS / (WINDOW_SECONDS / OA.per_minute))
    assert limiter.take([OA], 200).granted >= burst
    assert 0 < valkey.pttl("hcc:limit:oa:1") <= (2 * WINDOW_SECONDS + BURST_SECONDS * 2) * 1000


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_that_is_alone_gets_everything(limiter: Limiter, clock: Clock, lane: Lane) -> None:
    """The reserve for higher lanes costs no permit while they are silent."""
    out = crowd(limiter, clock, [OA], 95, lane=lane)
    assert out.within(out.first, 90) >= 891
