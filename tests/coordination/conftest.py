"""What the tests of the queue share: one Redis of each sort, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import fakeredis
import pytest
from redis import Redis

from coordination.connection import open_redis


@dataclass
class Clock:
    """The server's clock, as the scripts see it (µs since 1970); a test moves it by seconds."""

    now: int = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass; one microsecond at least, as it does."""
        self.now += max(1, round(seconds * 1e6))


@pytest.fixture
def clock() -> Clock:
    """A clock of this test's own."""
    return Clock()


@pytest.fixture
def valkey(redis_url: str) -> Iterator[Redis]:
    """A client on the real server, emptied."""
    with open_redis(redis_url) as client:
        client.script_flush()
        yield client


@pytest.fixture(params=["fake", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[Redis]:
    """Whatever the room promises, it promises on both."""
    if request.param == "valkey":
        yield request.getfixturevalue("valkey")
        return
    with fakeredis.FakeRedis(decode_responses=True) as client:
        yield client


@pytest.fixture
def nowhere() -> Iterator[Redis]:
    """A client on a port where nobody answers."""
    with open_redis("redis://127.0.0.1:1/0") as client:
        yield client
