"""A Redis behind sentinels, for what is shared and as the broker: its master dies, and a replica takes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from coordination.connection import open_redis
from coordination.limits import Limit, Limiter
from coordination.marks import EpochLost, Marks, departure
from tests.journeys.conftest import World, by_person, until
from tests.scaling.sentinels import Pair, pair


@pytest.fixture
def servers_of_two() -> Iterator[Pair]:
    """A master and its replica, of this test alone."""
    with pair() as started:
        yield started


def told_before_and_after(world: World, servers: Pair, fail_over: Callable[[], None]) -> None:
    """Ten citizens are told before a fail-over and ten after it, each once, and no process ends."""
    servers.guard()
    for number in range(20):
        world.follow(number)
    processes = world.start("worker", "beat", redis_url=servers.url)
    for number in range(10):
        world.accept(number)
    world.messages(10)
    fail_over()
    for number in range(10, 20):
        world.accept(number)
    world.messages(20, seconds=60)
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert all(len(texts) == 1 for texts in by_person(world.zalo.messages()).values())
    assert not processes.ended()


@pytest.mark.journey
def test_a_planned_fail_over_ends_no_process_though_the_old_master_stays_up(world: World, servers_of_two: Pair) -> None:
    """It is demoted alive, and answers what it was asked with a refusal."""
    told_before_and_after(world, servers_of_two, servers_of_two.hand_over)


@pytest.mark.journey
def test_a_fail_over_in_the_middle_loses_and_repeats_nothing(world: World, servers_of_two: Pair) -> None:
    """Bells, limits, marks: all of it moves to the replica, by configuration alone."""
    told_before_and_after(world, servers_of_two, servers_of_two.kill_master)


def test_marks_are_not_trusted_after_a_fail_over_nor_after_the_way_back(servers_of_two: Pair) -> None:
    """Replication lags: a mark that the replica has not seen would make "perhaps sent" look like "certainly not"."""
    epochs: list[str] = []
    for turn, number in enumerate((0, 1, 0)):  # the third time it is the first one again, which was never restarted
        if turn:
            servers_of_two.promote(number)
        with servers_of_two.server(number) as redis:
            marks = Marks(redis)
            epochs.append(marks.epoch())
            for epoch in epochs[:-1]:
                with pytest.raises(EpochLost, match="elsewhere"):
                    marks.begin(f"turn {turn}", epoch)
                with pytest.raises(EpochLost):
                    marks.leave(f"turn {turn}", epoch, [departure(1, "hash", None)])
            marks.begin(f"turn {turn}", epochs[-1])
            marks.leave(f"turn {turn}", epochs[-1], [departure(1, f"hash-{turn}", None)])
            told = [marks.left(f"turn {turn}", epoch) for epoch in epochs]
        assert told == [*[None] * turn, {1}]


def test_a_server_that_was_left_behind_takes_no_marks_of_the_other_ones_epoch(servers_of_two: Pair) -> None:
    """Split brain: the old master goes on, the new one has all of its keys; whoever looks must see every mark."""
    with servers_of_two.server(0) as old:
        epoch = Marks(old).epoch()
        Marks(old).begin("a lease", epoch)
    servers_of_two.split()
    with servers_of_two.server(0) as old, servers_of_two.server(1) as new:
        with pytest.raises(EpochLost, match="elsewhere"):
            Marks(new).leave("a lease", epoch, [departure(1, "hash", None)])
        Marks(old).leave("a lease", epoch, [departure(1, "hash", None)])
        assert Marks(new).left("a lease", epoch) is None
        assert Marks(old).left("a lease", epoch) == {1}


def test_a_client_finds_the_new_master_and_the_limit_begins_there_in_debt(servers_of_two: Pair) -> None:
    """As after a restart: no burst on top of the one that the dead master let out."""
    servers_of_two.guard()
    with open_redis(servers_of_two.url) as redis:
        limiter, limit = Limiter(redis), Limit("app:1", 4000)
        until(lambda: limiter.take([limit], 1000).granted > 0, "the first permits")
        servers_of_two.kill_master()
        assert limiter.take([limit], 1000).granted == 0
        until(lambda: limiter.take([limit], 1000).granted > 0, "permits of the new master")
