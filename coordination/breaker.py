"""The circuit breaker of a channel, shared by all workers: while open it grants nothing, and returns for how long.

It opens when `TRIP` calls in a row got no answer (transport error, 5xx). Then it lets one call through at a time. The
first success reopens the channel in steps, so that the backlog does not overload a provider that has just recovered.
Waiting here uses up no attempt of any notice. `breaker.lua` has a diagram.

A breaker lost in a flush is closed: the next ten failures open it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from redis import Redis

from coordination.connection import PREFIX, lua_beside, redis_errors
from coordination.pace import Clock, micros, servers_clock
from coordination.sound import soundly

TRIP = 10  # failures in a row
SHORTEST_SECONDS = 5.0  # the first time it stays open; doubles each time …
LONGEST_SECONDS = 15.0  # … up to this: sending resumes within half a minute of the end of a fault
PROBE_SECONDS = 30.0  # by then the probe has its answer, or its sender is lost
STEP_SECONDS = 1.0
FIRST_STEP = 10  # calls in the first step, doubling: 10, 20, 40, 80, 160, 320
STEPS = 6


class BreakerWord(StrEnum):
    """The state of a breaker."""

    CLOSED = "closed"  # all calls are allowed
    OPEN = "open"  # no call is allowed
    PROBING = "probing"  # one call is allowed
    OPENING = "opening"  # a growing number of calls is allowed


@dataclass(frozen=True, slots=True)
class Allowed:
    """The number of wanted calls that may start; if it is less than wanted, ask again in `wait_seconds`."""

    granted: int
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The breaker's state before and after a report; worth a log line if they differ."""

    before: BreakerWord
    after: BreakerWord


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The state for operators and metrics: since when, failures in a row, until when (UTC; None: no end)."""

    word: BreakerWord
    since: datetime | None
    failures: int
    until: datetime | None


class Breaker:
    """One breaker for each key, e.g. `zalo_cs`."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock, trip: int = TRIP) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        times = (SHORTEST_SECONDS, LONGEST_SECONDS, PROBE_SECONDS, STEP_SECONDS)
        self._patience = [trip, *map(micros, times), FIRST_STEP, STEPS]
        self._script = redis.register_script(lua_beside(__file__))

    def before(self, key: str, wanted: int) -> Allowed:
        """How many of the `wanted` calls may start now: all, some, one probe, or none. Raises `QueueDown`."""
        granted, wait = self._run("ask the breaker", key, "before", wanted)
        return Allowed(granted, wait / 1e6)

    def report(self, key: str, successes: int, failures: int) -> Turn:
        """Report results of calls: any answer of the provider is a success; no answer or a 5xx is a failure.

        A caller that was granted the probe but did not make it reports two zeros; otherwise the next caller waits half
        a minute. Raises `QueueDown`.
        """
        before, after = self._run("tell the breaker", key, "report", successes, failures)
        return Turn(BreakerWord(before), BreakerWord(after))

    def state(self, key: str) -> BreakerState:
        """The current state. Raises `QueueDown`."""
        word, since, failures, until = self._run("read the breaker", key, "state")
        lasting = word in (BreakerWord.OPEN, BreakerWord.OPENING)
        return BreakerState(BreakerWord(word), _moment(since), failures, _moment(until) if lasting else None)

    def _run(self, deed: str, key: str, verb: str, *arguments: int) -> list[Any]:
        with redis_errors(deed):
            where = f"{self._prefix}breaker:{key}"
            told: list[str | int] = [verb, self._clock(), *self._patience, *arguments]
            return list(soundly(self._redis, lambda: self._script([where], told), {where: "hash"}))


def _moment(micros_since_1970: str) -> datetime | None:
    return datetime.fromtimestamp(int(micros_since_1970) / 1e6, UTC) if int(micros_since_1970) else None
