"""Holds: what Zalo told us to leave alone, for how long, and what they do to permits."""

from __future__ import annotations

import pytest
from redis import Redis

from coordination.connection import QueueDown
from coordination.holds import Hold, Holds
from coordination.limits import Grant, Limit, Limiter
from tests.coordination.conftest import Clock

APP, OA = Limit("app:1", 4000), Limit("oa:1", 600)


@pytest.fixture
def holds(store: Redis, clock: Clock) -> Holds:
    """On both stores, with a clock that the test moves."""
    return Holds(store, clock=clock)


@pytest.fixture
def limiter(store: Redis, clock: Clock) -> Limiter:
    """A limiter on the same store."""
    return Limiter(store, clock=clock)


def test_a_held_limit_grants_nothing_and_says_for_how_long(holds: Holds, limiter: Limiter, clock: Clock) -> None:
    """A dead token stops every worker at once; another OA of the app goes on."""
    limiter.take([APP, OA], 1)
    clock.wait(10)
    holds.hold("oa:1", 300, "token")
    clock.wait(20)
    assert limiter.take([APP, OA], 5) == Grant(0, 280)
    assert limiter.take([APP, Limit("oa:10", 600)], 4).granted == 4
    clock.wait(280)
    assert limiter.take([APP, OA], 3).granted == 3


def test_of_two_holds_the_one_that_ends_later_stands(holds: Holds, clock: Clock) -> None:
    """Whichever came first."""
    holds.hold("person:zalo_cs:7", 300, "quota")
    holds.hold("person:zalo_cs:7", 60, "night")
    clock.wait(10)
    assert holds.all() == [Hold("person:zalo_cs:7", "quota", 290)]


def test_only_what_is_held_of_the_asked_is_told(holds: Holds, clock: Clock) -> None:
    """One call for a whole batch; a reason may hold any sign."""
    holds.hold("template:9:zns:accepted", 60, "night: 22:00-06:00")
    holds.hold("person:zns:1", 5, "quota")
    clock.wait(5)
    asked = ["template:9:zns:accepted", "template:9:zns:accepted", "person:zns:1", "person:zns:2"]
    assert holds.of(asked) == {"template:9:zns:accepted": Hold("template:9:zns:accepted", "night: 22:00-06:00", 55)}
    assert holds.of([]) == {}


def test_what_is_over_is_forgotten(holds: Holds, store: Redis, clock: Clock) -> None:
    """Thousands of people may have had their share of a day."""
    holds.hold("person:zns:1", 5, "quota")
    clock.wait(5)
    assert holds.all() == []
    assert store.hlen(holds.key) == 0


def test_a_hold_does_not_outlive_a_clock_set_back(holds: Holds, limiter: Limiter, clock: Clock) -> None:
    """An hour back would make five minutes of it sixty-five."""
    holds.hold("oa:1", 300, "quota")
    clock.now -= 3_600_000_000
    assert holds.all() == []
    clock.wait(1)
    assert limiter.take([OA], 1).granted == 0
    clock.wait(1.7)
    assert limiter.take([OA], 1).granted == 1


def test_where_redis_is_away_it_says_so(nowhere: Redis) -> None:
    """Nobody takes silence for "nothing is held"."""
    holds = Holds(nowhere)
    for deed in (lambda: holds.hold("oa:1", 1, "quota"), holds.all, lambda: holds.of(["oa:1"])):
        with pytest.raises(QueueDown, match="Redis could not"):
            deed()
