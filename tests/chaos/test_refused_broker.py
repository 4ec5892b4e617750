"""Incident 33: RabbitMQ answers and refuses: it is blocked by its memory alarm, or a queue is of another type."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.celeryconfig import QUEUES
from tests.chaos.conftest import Begin
from tests.chaos.refusals import Refusal, play
from tests.chaos.scale import SHORT, TEST_SECONDS, whole_only
from tests.scaling.rabbitmq import ABSENT, RabbitMQ, rabbitmq

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(TEST_SECONDS),
    pytest.mark.skipif(bool(ABSENT), reason=ABSENT),
]

_SECONDS = 8 if SHORT else 40
_USUAL = 0.6


@pytest.fixture
def node() -> Iterator[RabbitMQ]:
    """One of this test alone."""
    with rabbitmq() as started:
        yield started


def test_33_rabbitmq_is_blocked_by_its_memory_alarm(begin: Begin, node: RabbitMQ) -> None:
    """Incident 33: it takes connections and declarations, and no message."""
    blocked = Refusal(
        "blocked", lambda _: node.set_memory(0), lambda _: node.set_memory(_USUAL), "không nhận tin"
    )  # fmt: skip
    play(begin(changes={"HCC_BROKER_URL": node.url}), blocked, _SECONDS)


@whole_only
def test_33_queues_of_rabbitmq_are_of_another_type(begin: Begin, node: RabbitMQ) -> None:
    """Incident 33: each declaration closes its channel, until somebody deletes them."""

    def other(_: object) -> None:
        for queue in QUEUES:
            node.make_another_type(queue)

    def none(_: object) -> None:
        for queue in QUEUES:
            node.delete(queue)

    play(begin(changes={"HCC_BROKER_URL": node.url}), Refusal("another-type", other, none, "khác kiểu"), _SECONDS)
