"""What outcomes mean for the other notices of a channel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coordination.breaker import TRIP, Breaker, BreakerWord
from coordination.connection import open_redis
from domain.outcome import EarlierTry, Outcome, Refused, Sent, TryLater, Uncertain
from worker.delivery.feedback import update_breaker

FORGOTTEN = Uncertain("it was marked before", earlier=EarlierTry("tag", 3.0))


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ([Uncertain("no answer")] * TRIP, BreakerWord.OPEN),
        ([TryLater("refused", unreached=True)] * TRIP, BreakerWord.OPEN),
        ([FORGOTTEN] * (3 * TRIP), BreakerWord.CLOSED),
        ([*[FORGOTTEN] * TRIP, Sent("1")], BreakerWord.CLOSED),
        ([Refused("no", -32)] * TRIP, BreakerWord.CLOSED),
        ([TryLater("busy", -1)] * TRIP, BreakerWord.CLOSED),
    ],
)
def test_a_channel_is_closed_by_calls_without_an_answer_and_by_nothing_else(
    redis_url: str, outcomes: list[Outcome], word: BreakerWord
) -> None:
    """Who was kept back because a forgotten try may have told them has made no call: Zalo is well."""
    with open_redis(redis_url) as client:
        client.flushall()
        services: Any = SimpleNamespace(breaker=Breaker(client))
        update_breaker(services, "oa:zalo_cs", outcomes)
        assert services.breaker.state("oa:zalo_cs").word is word
