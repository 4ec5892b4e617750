"""The bell: asks one worker to come, and does not multiply."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from redis import Redis

from worker.queue import bell


@pytest.fixture
def rung(valkey: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Rings on a real server."""
    monkeypatch.setenv("HCC_REDIS_URL", redis_url)
    bell._redis.cache_clear()
    bell.ringer.cache_clear()
    yield valkey
    bell.ringer().close()
    bell._redis.cache_clear()
    bell.ringer.cache_clear()


def waiting(redis: Redis) -> int:
    """How many bells nobody has heard yet."""
    return int(redis.llen("hcc:deliver"))


def test_bells_that_nobody_heard_yet_are_one(rung: Redis) -> None:
    """However many polls, wakes and workers find that there is work."""
    for _ in range(20):
        bell.ring("1")
    bell.ring("2")
    assert waiting(rung) == 2


def test_when_a_worker_has_come_the_next_bell_calls_another_one(rung: Redis) -> None:
    """So that a flood gets all the workers there are."""
    bell.ring("1")
    bell.heard("worker.deliver", "1")
    bell.ring("1")
    assert waiting(rung) == 2


def test_a_bell_that_got_lost_stands_in_the_way_for_moments_only(rung: Redis) -> None:
    """Its message may have been flushed, or its worker killed."""
    bell.ring("1")
    assert 0 < int(rung.ttl("hcc:bell:worker.deliver:1")) <= 5


def test_a_bell_without_a_server_is_lost_and_nobody_minds(
    rung: Redis, monkeypatch: pytest.MonkeyPatch, nowhere: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The next wake rings again."""
    with monkeypatch.context() as patch:
        patch.setattr(bell, "_redis", lambda: nowhere)
        bell.ring("1")
        bell.heard("worker.deliver", "1")
    assert "rung again" in caplog.text


def test_a_call_for_help_says_how_often_it_may_be_passed_on(rung: Redis) -> None:
    """It is the same bell all the same: rung once until somebody comes."""
    bell.ring("1", hops=3)
    bell.ring("1")
    [message] = rung.lrange("hcc:deliver", 0, -1)
    assert json.loads(base64.b64decode(json.loads(message)["body"]))[0] == ["1", 3]
