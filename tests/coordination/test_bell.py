"""The bell: asks one worker to come, and does not multiply."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from celery import Celery
from redis import Redis

from config.celeryconfig import STALE_SECONDS
from coordination import bell, unheard
from coordination.beat import BoundedScheduler


@pytest.fixture
def rung(valkey: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """Rings on a real server."""
    monkeypatch.setenv("HCC_REDIS_URL", redis_url)
    return valkey


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


def test_a_bell_that_the_broker_did_not_take_stands_in_nobodys_way(
    rung: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """State and broker may be two servers: the next ring tries at once, not after the time of a bell that pends."""

    def refused(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(bell.ringer(), "send_task", refused)
        bell.ring("1")
    assert "rung again" in caplog.text
    assert not rung.exists("hcc:bell:worker.deliver:1")
    bell.ring("1")
    assert waiting(rung) == 1


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


@pytest.fixture
def beat(rung: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoundedScheduler]:
    """Beat's scheduler on a broker where nobody hears; it looks at each ring, as the tests do not wait."""
    monkeypatch.setattr(unheard, "_TRUSTED_SECONDS", 0.0)
    with Celery("beat of a test", set_as_current=False) as app:
        app.config_from_object(bell.celery_settings(bell.load("redis_url")))
        scheduler = BoundedScheduler(app)
        yield scheduler
        scheduler.close()


def a_round(beat: BoundedScheduler) -> None:
    """Every bell of beat's once."""
    for entry in beat.schedule.values():
        beat.apply_entry(entry, producer=beat.producer)


def hanging(redis: Redis) -> dict[str, int]:
    """How many bells nobody has heard, by queue."""
    return {queue: int(redis.llen(f"hcc:{queue}")) for queue in ("poll", "upkeep")}


def test_an_outage_of_all_workers_leaves_no_pile_however_long_it_is(rung: Redis, beat: BoundedScheduler) -> None:
    """Beat rings on until some bells hang in each queue; they say all there is to say."""
    for _ in range(60):
        a_round(beat)
    assert hanging(rung) == {"poll": unheard.MOST, "upkeep": unheard.MOST}
    bell.ring_events()
    assert hanging(rung)["upkeep"] == unheard.MOST


def test_bells_that_got_lost_are_rung_again_at_the_next_round(rung: Redis, beat: BoundedScheduler) -> None:
    """Also those of a queue that was too long a moment ago: nothing but hanging bells keeps beat from ringing."""
    for _ in range(60):
        a_round(beat)
    assert bell.unheard().too_many("upkeep")
    rung.flushall()
    a_round(beat)
    rung_now = [json.loads(raw)["headers"]["task"] for raw in rung.lrange("hcc:upkeep", 0, -1)]
    assert {"worker.wake", "worker.sweep", "worker.settle", "producers.events"} <= set(rung_now)


def test_a_broker_that_cannot_be_asked_is_rung_at_all_the_same(
    rung: Redis, beat: BoundedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking first is a kindness, no condition."""

    def broken(_queue: str, _producer: object) -> bool:
        raise ConnectionError("no answer")

    monkeypatch.setattr(bell.unheard(), "too_many", broken)
    a_round(beat)
    assert hanging(rung)["upkeep"] > 0


def test_a_bell_lives_for_minutes_so_that_clocks_may_differ(rung: Redis) -> None:
    """Its end is written by the clock of who rings, and read by the clock of who hears: three minutes apart is fine."""
    bell.ring("1")
    [message] = rung.lrange("hcc:deliver", 0, -1)
    begin, end = int(rung.time()[0]), bell_end(message)
    assert end - begin >= 3 * 180
    assert STALE_SECONDS >= 3 * 180


def bell_end(message: str) -> float:
    """When a bell stops counting, in seconds since 1970."""
    return datetime.fromisoformat(json.loads(message)["headers"]["expires"]).timestamp()


def test_bells_that_came_too_late_are_said_at_error_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery drops them with a line at INFO, and a worker whose clock is ahead would do nothing and say nothing."""
    now = 1000.0
    monkeypatch.setattr(bell.time, "monotonic", lambda: now)
    too_late = bell.TooLate()
    for _ in range(5):
        too_late(None, expired=True, terminated=False, signum=None)
    now += 61.0
    too_late(None, expired=True)
    too_late(None, expired=False)
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2
    assert "clocks" in told[0].message
    assert "hcc doctor" in told[0].message
