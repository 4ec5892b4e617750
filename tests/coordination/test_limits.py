"""The shared limit: never more than allowed in any 60 seconds, and nothing of it wasted."""

from __future__ import annotations

import pytest
from redis import Redis

from coordination.connection import QueueDown
from coordination.limits import Lane, Limit, Limiter
from coordination.pace import WINDOW_SECONDS
from tests.coordination.conftest import Clock
from tests.coordination.traffic import Arrivals, crowd

APP = Limit("app:1", 4000)
OA = Limit("oa:1", 600)


@pytest.fixture
def limiter(valkey: Redis, clock: Clock) -> Limiter:
    """A limiter in simulated time."""
    return Limiter(valkey, clock=clock)


def test_a_burst_at_4000_a_minute_is_worth_a_batch(limiter: Limiter, clock: Clock) -> None:
    """Rested, the service lane gets 97 permits in one call, the interactive one 100; bulk leaves most to them."""
    limiter.take([APP], 1)
    clock.wait(10)
    assert limiter.peek([APP], 200).granted == 97
    assert limiter.peek([APP], 200, lane=Lane.INTERACTIVE).granted == 100
    assert limiter.peek([APP], 200, lane=Lane.BULK).granted == 24


def test_a_wave_larger_than_the_burst_is_through_a_fifth_of_a_second_later(limiter: Limiter, clock: Clock) -> None:
    """50 notices a second come as 100 a poll; who does not know how many are left asks for a batch."""
    limiter.take([APP], 1)
    clock.wait(10)
    assert limiter.take([APP], 100).granted == 97
    none = limiter.peek([APP], 200)
    assert none.granted == 0
    assert 0.1 < none.wait_seconds <= 0.2
    clock.wait(none.wait_seconds)
    assert limiter.take([APP], 3).granted == 3


def test_a_loss_of_state_costs_a_second_and_a_half(valkey: Redis, limiter: Limiter, clock: Clock) -> None:
    """At 4000 a minute the next permits come 1.6 s after a flush."""
    crowd(limiter, clock, [APP], 70)
    valkey.flushall()
    flushed_at = clock.now
    out = crowd(limiter, clock, [APP], 10, workers=1, late=0, batch=1)
    assert out.first - flushed_at < 1.65e6


def test_a_clock_set_back_by_an_hour_does_not_stop_the_flow(limiter: Limiter, clock: Clock) -> None:
    """It counts as a loss of state, since what is known is of another time."""
    crowd(limiter, clock, [OA], 70)
    clock.now -= 3_600_000_000
    out = crowd(limiter, clock, [OA], 6)
    assert sum(count for _, count in out.log) >= 40


def test_of_two_limits_the_tighter_rules_and_both_count(limiter: Limiter, clock: Clock) -> None:
    """A grant is the same number under every limit, so the app's is not eaten by what the OA's refuses."""
    out = crowd(limiter, clock, [APP, OA], 70)
    assert out.fullest_minute() <= OA.per_minute
    assert out.fullest_minute() >= 590
    other = crowd(limiter, clock, [APP, Limit("oa:2", 4000)], 59)
    assert sum(count for _, count in other.log) >= 3900 - 600


def test_two_oas_share_the_limit_of_their_app(limiter: Limiter, clock: Clock) -> None:
    """Whoever asks, the app's minute is one."""
    limits = [[Limit("app:1", 60), Limit("oa:1", 60)], [Limit("app:1", 60), Limit("oa:2", 60)]]
    out = Arrivals()
    for turn in range(700):
        out.add(clock.now, limiter.take(limits[turn % 2], 5).granted)
        clock.wait(0.1)
    assert 58 <= out.fullest_minute() <= 60


def test_peek_takes_nothing(limiter: Limiter, clock: Clock) -> None:
    """Asked twice it says the same, and take then gives what it said."""
    limiter.take([OA], 1)
    clock.wait(5)
    said = limiter.peek([OA], 200)
    assert limiter.peek([OA], 200) == said
    assert limiter.take([OA], 200) == said
    assert limiter.take([OA], 200).granted == 0


@pytest.mark.parametrize("verb", ["peek", "take"])
def test_asking_in_vain_uses_nothing_up(limiter: Limiter, clock: Clock, verb: str) -> None:
    """Also while the minute slides: who asks too early, again and again, leaves the limit as usable as it was."""
    limit, out = Limit("app:1", 30), Arrivals()
    for _ in range(1000):
        asked = getattr(limiter, verb)([limit, OA], 50, lane=Lane.BULK)
        out.add(clock.now, asked.granted if verb == "take" else limiter.take([limit, OA], 1).granted)
        clock.wait(0.3)
    assert sum(count for _, count in out.log) >= 30 * 5 - 3
    assert out.fullest_minute() <= 30


def test_whoever_waits_as_long_as_told_gets_a_permit(limiter: Limiter, clock: Clock) -> None:
    """For every lane and every size of wish."""
    for lane in Lane:
        for wanted in (1, 2, 50):
            while (grant := limiter.take([OA, APP], wanted, lane=lane)).granted:
                pass
            assert grant.wait_seconds > 0
            clock.wait(grant.wait_seconds)
            assert limiter.take([OA, APP], wanted, lane=lane).granted >= 1


def test_permits_given_back_can_be_taken_again(limiter: Limiter, clock: Clock) -> None:
    """What was permitted and not sent is lost neither to the pace nor to the minute: all but one go back, each time."""
    out = Arrivals()
    for turn in range(1250):
        granted = limiter.take([OA], 5).granted
        limiter.give_back([OA], granted - 1)
        out.add(clock.now, min(granted, 1))
        clock.wait(0.25 if turn % 5 == 0 else 0)
    assert 590 <= out.fullest_minute() <= 600


def test_permits_given_back_late_do_not_overfill_a_minute(limiter: Limiter, clock: Clock) -> None:
    """The calls that others made meanwhile count for their whole minute."""
    limiter.take([APP], 1)
    clock.wait(10)
    held = limiter.take([APP], 50).granted
    out = crowd(limiter, clock, [APP], 30, workers=1)
    limiter.give_back([APP], held)
    out.log += crowd(limiter, clock, [APP], 45, workers=1).log
    assert 3960 <= out.fullest_minute() <= 4000


def test_a_refusal_by_the_provider_stops_all_until_a_call_has_left_the_window(limiter: Limiter, clock: Clock) -> None:
    """-32: somebody else used up the minute; we wait until one of our calls is a minute old."""
    begin = clock.now
    out = crowd(limiter, clock, [OA], 30)
    limiter.over(OA)
    stopped = limiter.take([OA], 10)
    assert stopped.granted == 0
    assert stopped.wait_seconds == pytest.approx((out.first - begin) / 1e6 + WINDOW_SECONDS - 30, abs=0.5)
    assert crowd(limiter, clock, [OA], 29).log == []
    assert crowd(limiter, clock, [OA], 30).within(begin, 100) >= 260


def test_a_header_that_knows_of_more_calls_slows_us_down(limiter: Limiter, clock: Clock) -> None:
    """X-RateLimit-Remain 100 where we thought 600: 500 calls are not ours, and they count for a minute."""
    limiter.take([OA], 1)
    clock.wait(10)
    limiter.correct(OA, 100)
    out = crowd(limiter, clock, [OA], 60)
    assert out.within(out.first, 60) == 100


def test_a_header_that_agrees_changes_nothing(limiter: Limiter, clock: Clock) -> None:
    """Calls on the way make it differ by a few, which is no news."""
    limiter.take([OA], 1)
    clock.wait(10)
    for remaining in (600, 650, 595):
        limiter.correct(OA, remaining)
    assert crowd(limiter, clock, [OA], 60).fullest_minute() >= 594


def test_interactive_goes_before_service_before_bulk(limiter: Limiter, clock: Clock) -> None:
    """All three want more than there is: the highest gets nearly all of it."""
    got = dict.fromkeys(Lane, 0)
    for _ in range(1000):
        for lane in reversed(Lane):
            got[lane] += limiter.take([OA], 5, lane=lane).granted
        clock.wait(0.01)
    assert got[Lane.INTERACTIVE] >= 0.99 * sum(got.values())


def test_an_interactive_notice_does_not_wait_behind_a_bulk_run(limiter: Limiter, clock: Clock) -> None:
    """In the middle of a replay that takes all it can, the counter's message gets its permit at once."""
    waits = []
    limiter.take([APP], 1)
    clock.wait(10)
    for turn in range(1, 601):
        limiter.take([APP], 200, lane=Lane.BULK)
        limiter.take([APP], 200, lane=Lane.SERVICE)
        if turn % 100 == 0:
            waits.append(limiter.take([APP], 1, lane=Lane.INTERACTIVE).wait_seconds)
        clock.wait(0.01)
    assert waits == [0.0] * 6


def test_nothing_is_granted_where_redis_is_away(nowhere: Redis) -> None:
    """The limiter fails safe, and says what it could not do."""
    limiter = Limiter(nowhere)
    for deed in (
        lambda: limiter.take([OA], 1),
        lambda: limiter.peek([OA], 1),
    ):
        with pytest.raises(QueueDown, match="Redis could not"):
            deed()


def test_a_limit_that_makes_no_sense_is_refused() -> None:
    """Before it reaches Redis."""
    with pytest.raises(ValueError, match="limit"):
        Limit("app:1", 0)
