"""The door to Redis: bounded waits, our own error, our own keys."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from redis import Redis, RedisError

from worker.queue.breaker import Breaker
from worker.queue.connection import QueueDown, door, open_redis
from worker.queue.holds import Holds
from worker.queue.limits import Limit, Limiter
from worker.queue.marks import Marks, departure
from worker.queue.schedule import Schedule


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_a_fault_says_what_could_not_be_done_and_why() -> None:
    """In one sentence, with the cause behind it."""
    with (
        pytest.raises(QueueDown, match="Redis could not mark what leaves: RedisError: gone") as caught,
        door("mark what leaves"),
    ):
        raise RedisError("gone")
    assert isinstance(caught.value.__cause__, RedisError)


def test_a_server_that_is_silent_does_not_hold_a_worker_for_long(silent: str) -> None:
    """Eight seconds at most, not minutes."""
    begin = time.monotonic()
    with pytest.raises(QueueDown), open_redis(silent) as client:
        Limiter(client).take([Limit("app:1", 60)], 1)
    assert time.monotonic() - begin < 10


def test_a_password_in_the_url_is_not_in_the_fault() -> None:
    """Faults go to logs."""
    with pytest.raises(QueueDown) as caught, open_redis("redis://:hush@127.0.0.1:1/0") as client:
        Schedule(client).count("oa")
    assert "hush" not in str(caught.value)


def test_every_key_of_ours_begins_with_our_name(valkey: Redis) -> None:
    """Others may live in the same Redis."""
    Limiter(valkey).take([Limit("app:1", 60)], 1)
    Holds(valkey).hold("app:1", 5, "quota")
    Breaker(valkey).report("zalo", 0, 20)
    marks = Marks(valkey)
    marks.leave("lease", marks.epoch(), [departure(1, "hash", None)])
    Schedule(valkey).replace("oa", [])
    assert {key.split(":")[0] for key in valkey.scan_iter()} == {"hcc"}
