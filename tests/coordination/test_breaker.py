"""The breaker: a channel that is down is left alone by all workers, and comes back gently."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redis import Redis

from coordination.breaker import Allowed, Breaker, BreakerWord, Turn
from coordination.connection import QueueDown
from tests.coordination.conftest import Clock

ALL = Allowed(200, 0.0)


@pytest.fixture
def breaker(store: Redis, clock: Clock) -> Breaker:
    """A closed one, in simulated time."""
    return Breaker(store, clock=clock)


def probe(breaker: Breaker, clock: Clock, *, answered: bool) -> None:
    """Wait until one may try, and let it have an answer or none."""
    clock.wait(breaker.before("zalo", 200).wait_seconds)
    assert breaker.before("zalo", 200).granted == 1
    breaker.report("zalo", int(answered), int(not answered))


def test_a_closed_breaker_lets_all_through(breaker: Breaker) -> None:
    """And costs a healthy channel nothing."""
    assert breaker.before("zalo", 200) == ALL
    assert breaker.report("zalo", 150, 50) == Turn(BreakerWord.CLOSED, BreakerWord.CLOSED)
    assert breaker.before("zalo", 200) == ALL


def test_ten_failures_in_a_row_open_it(breaker: Breaker) -> None:
    """From several batches and workers together; and a success in between begins the count anew."""
    breaker.report("zalo", 0, 9)
    breaker.report("zalo", 1, 0)
    breaker.report("zalo", 0, 6)
    assert breaker.before("zalo", 200) == ALL
    assert breaker.report("zalo", 0, 4) == Turn(BreakerWord.CLOSED, BreakerWord.OPEN)
    assert breaker.before("zalo", 200) == Allowed(0, 5.0)


def test_one_channel_down_does_not_stop_another(breaker: Breaker) -> None:
    """Each key has its own."""
    breaker.report("zalo", 0, 10)
    assert breaker.before("sms", 200) == ALL


def test_when_its_time_is_over_exactly_one_call_may_try(breaker: Breaker, store: Redis, clock: Clock) -> None:
    """The others wait a moment for its answer."""
    breaker.report("zalo", 0, 10)
    clock.wait(5)
    workers = [Breaker(store, clock=clock) for _ in range(4)]
    assert [worker.before("zalo", 200) for worker in workers] == [Allowed(1, 0.0), *[Allowed(0, 1.0)] * 3]


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit(breaker: Breaker, clock: Clock) -> None:
    """5, 10, 15, 15, 15, 15 seconds: it knocks soon after the fault is over."""
    breaker.report("zalo", 0, 10)
    waits = []
    for _ in range(6):
        waits.append(breaker.before("zalo", 200).wait_seconds)
        probe(breaker, clock, answered=False)
    assert waits == [5, 10, 15, 15, 15, 15]


def test_a_probe_that_gets_an_answer_opens_the_way_in_steps(breaker: Breaker, clock: Clock) -> None:
    """10 calls in the first second, twice as many in each one after it, then all."""
    breaker.report("zalo", 0, 10)
    probe(breaker, clock, answered=True)
    assert breaker.before("zalo", 4) == Allowed(4, 0.0)
    assert breaker.before("zalo", 200) == Allowed(6, 1.0)
    steps = []
    for _ in range(5):
        clock.wait(breaker.before("zalo", 9999).wait_seconds)
        steps.append(breaker.before("zalo", 9999).granted)
    assert steps == [20, 40, 80, 160, 320]
    assert breaker.state("zalo").word is BreakerWord.OPENING
    clock.wait(1)
    assert breaker.before("zalo", 9999) == Allowed(9999, 0.0)
    assert breaker.state("zalo").word is BreakerWord.CLOSED


def test_one_that_failed_again_on_its_way_up_opens_for_longer(breaker: Breaker, clock: Clock) -> None:
    """But a mixed batch does not shut it."""
    breaker.report("zalo", 0, 10)
    probe(breaker, clock, answered=True)
    assert breaker.report("zalo", 5, 5) == Turn(BreakerWord.OPENING, BreakerWord.OPENING)
    assert breaker.report("zalo", 0, 5) == Turn(BreakerWord.OPENING, BreakerWord.OPEN)
    assert breaker.before("zalo", 200) == Allowed(0, 10.0)


def test_one_that_closed_begins_with_the_shortest_time_again(breaker: Breaker, clock: Clock) -> None:
    """The last outage is forgotten."""
    breaker.report("zalo", 0, 10)
    probe(breaker, clock, answered=False)
    probe(breaker, clock, answered=True)
    clock.wait(10)
    assert breaker.before("zalo", 200) == ALL
    breaker.report("zalo", 0, 10)
    assert breaker.before("zalo", 200) == Allowed(0, 5.0)


def test_calls_that_were_on_the_way_do_not_lengthen_it(breaker: Breaker) -> None:
    """A thousand time-outs come in after it opened."""
    breaker.report("zalo", 0, 10)
    assert breaker.report("zalo", 0, 1000) == Turn(BreakerWord.OPEN, BreakerWord.OPEN)
    assert breaker.before("zalo", 200) == Allowed(0, 5.0)


def test_a_probe_whose_worker_was_lost_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    """After half a minute; at once where the worker says that it did not make it."""
    breaker.report("zalo", 0, 10)
    clock.wait(5)
    assert breaker.before("zalo", 200).granted == 1
    clock.wait(29)
    assert breaker.before("zalo", 200).granted == 0
    clock.wait(1)
    assert breaker.before("zalo", 200).granted == 1
    breaker.report("zalo", 0, 0)
    assert breaker.before("zalo", 200).granted == 1


def test_a_clock_set_back_does_not_keep_it_open(breaker: Breaker, clock: Clock) -> None:
    """An hour back would make five seconds of it an hour."""
    breaker.report("zalo", 0, 10)
    clock.now -= 3_600_000_000
    assert breaker.before("zalo", 200).granted == 1


def test_operators_see_how_it_stands(breaker: Breaker, clock: Clock) -> None:
    """The word, since when, how many failures, until when."""
    calm = breaker.state("zalo")
    assert (calm.word, calm.since, calm.failures, calm.until) == (BreakerWord.CLOSED, None, 0, None)
    opened_at = datetime.fromtimestamp(clock.now / 1e6, UTC)
    breaker.report("zalo", 0, 12)
    down = breaker.state("zalo")
    assert (down.word, down.since, down.failures) == (BreakerWord.OPEN, opened_at, 12)
    assert down.until is not None
    assert (down.until - opened_at).total_seconds() == 5
    clock.wait(5)
    assert breaker.state("zalo").word is BreakerWord.PROBING
    assert breaker.before("zalo", 1).granted == 1


def test_a_flush_closes_it(breaker: Breaker, store: Redis) -> None:
    """It finds out again."""
    breaker.report("zalo", 0, 10)
    store.flushall()
    assert breaker.before("zalo", 200) == ALL


def test_nothing_is_let_through_where_redis_is_away(nowhere: Redis) -> None:
    """It fails safe."""
    with pytest.raises(QueueDown, match="ask the breaker"):
        Breaker(nowhere).before("zalo", 1)
