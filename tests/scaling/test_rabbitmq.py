"""RabbitMQ as the broker, by one setting: real workers and beat, quorum queues, and a node that dies and comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from config.celeryconfig import QUEUES, ringing
from config.connections import ProcessPlan, most
from coordination import bell
from coordination.connection import QueueDown
from tests.journeys.conftest import World, by_person, until
from tests.scaling.rabbitmq import ABSENT, RabbitMQ, rabbitmq

pytestmark = [pytest.mark.journey, pytest.mark.skipif(bool(ABSENT), reason=ABSENT)]

CORES = os.cpu_count() or 1  # children of a worker, unless it is told otherwise
_BOUND = 10.0  # seconds a bell at a silent broker may take: three of its steps, and some for a busy machine


@pytest.fixture(scope="module")
def node() -> Iterator[RabbitMQ]:
    """One node for this file."""
    with rabbitmq() as started:
        yield started


def test_two_workers_over_rabbitmq_tell_each_message_once_though_it_is_killed(
    world: World, node: RabbitMQ, ring_at: Callable[..., None]
) -> None:
    """By configuration alone; while it is away events are recorded all the same, and it goes on by itself."""
    for number in range(30):
        world.follow(number)
    ring_at(
        **{name.removeprefix("HCC_").lower(): value for name, value in world.environment.items()}, broker_url=node.url
    )
    processes = world.start("worker", "beat", broker_url=node.url)
    processes.start("second", "celery -A worker.app worker -n second@%h --loglevel INFO")
    for number in range(10):
        world.accept(number)
    world.messages(10)
    assert 0 < node.clients_of(processes.pids()) <= most(ProcessPlan(hosts=2, children=CORES), node.url).broker
    assert {queue: node.type_of(queue) for queue in QUEUES} == dict.fromkeys(QUEUES, "quorum")
    assert not node.has("celery_delayed_0")  # of Celery's own step for delayed messages

    node.kill()
    for number in range(10, 20):
        world.accept(number)
    world.poller().round()
    assert len(world.states()) == 20
    with pytest.raises(QueueDown, match="the broker does not answer"):
        bell.knock(world.settings(broker_url=node.url))

    node.start()
    for number in range(20, 30):
        world.accept(number)
    world.messages(30, seconds=90)
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert all(len(texts) == 1 for texts in by_person(world.zalo.messages()).values())
    assert not processes.ended()


def test_a_bell_that_nobody_hears_is_dropped_by_rabbitmq_itself(
    redis_url: str, node: RabbitMQ, ring_at: Callable[..., None]
) -> None:
    """From the head of the queue: bells of one length of life are dropped in the order in which they were rung."""
    ring_at(redis_url=redis_url, broker_url=node.url)
    node.empty("upkeep")
    for _ in range(3):
        bell.ringer().send_task("worker.wake", ignore_result=True, **ringing(3.0))
    until(lambda: node.waiting("upkeep") == 3, "the bells to wait")
    until(lambda: node.waiting("upkeep") == 0, "the bells to be dropped")


def test_a_node_that_is_silent_holds_a_bell_for_seconds_only(
    redis_url: str, node: RabbitMQ, ring_at: Callable[..., None]
) -> None:
    """A poll rings when its work is done: it must not hang there, nor the web process."""
    ring_at(redis_url=redis_url, broker_url=node.url)
    bell.ring("1")
    node.signal(signal.SIGSTOP)
    try:
        for oa in ("2", "3"):  # on the connection it has, and on a new one
            begin = time.monotonic()
            bell.ring(oa)
            assert time.monotonic() - begin < _BOUND
    finally:
        node.signal(signal.SIGCONT)
