"""The breaker of a channel, shared by all workers: open, it grants nothing and says for how long.

It opens when `TRIP` calls in a row failed to get an answer (transport, 5xx). Then one call at a time is let through;
the first that comes back opens the way again in steps, so that a provider that just got up is not run over by
what has gathered meanwhile. No attempt of any notice is used up by waiting here. Drawn in `breaker.lua`.

A breaker lost in a flush is closed: the next ten failures open it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from redis import Redis

from worker.queue.connection import PREFIX, door, lua_beside
from worker.queue.pace import Clock, micros, servers_clock
from worker.queue.sound import soundly

TRIP = 10  # failures in a row
SHORTEST_SECONDS = 5.0  # it stays open for so long, then twice as long each time …
LONGEST_SECONDS = 15.0  # … up to this: sending goes on within half a minute of the end of a fault
PROBE_SECONDS = 30.0  # by then the probe has its answer, or whoever sent it is lost
STEP_SECONDS = 1.0
FIRST_STEP = 10  # calls in the first step, doubling: 10, 20, 40, 80, 160, 320
STEPS = 6


class Word(StrEnum):
    """How a breaker stands."""

    CLOSED = "closed"  # all is well
    OPEN = "open"  # nothing goes through
    PROBING = "probing"  # one call may try
    OPENING = "opening"  # more and more may


@dataclass(frozen=True, slots=True)
class Allowed:
    """So many of the wanted calls may start; where that is less, ask again in `wait_seconds`."""

    granted: int
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Turn:
    """How a report moved the breaker; worth a line in the log where the two differ."""

    before: Word
    after: Word


@dataclass(frozen=True, slots=True)
class BreakerState:
    """For operators and metrics: since when it stands so, failures in a row, and until when (UTC; None: for good)."""

    word: Word
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
        """How many of `wanted` calls may start now: all, some, the one probe, or none. Raises `QueueDown`."""
        granted, wait = self._run("ask the breaker", key, "before", wanted)
        return Allowed(granted, wait / 1e6)

    def report(self, key: str, successes: int, failures: int) -> Turn:
        """Tell how calls ended: any answer of the provider is a success, no answer or a 5xx a failure.

        Whoever was granted the probe and did not make it says so with two zeros, or the next one waits half a minute.
        Raises `QueueDown`.
        """
        before, after = self._run("tell the breaker", key, "report", successes, failures)
        return Turn(Word(before), Word(after))

    def state(self, key: str) -> BreakerState:
        """How it stands now. Raises `QueueDown`."""
        word, since, failures, until = self._run("read the breaker", key, "state")
        lasting = word in (Word.OPEN, Word.OPENING)
        return BreakerState(Word(word), _moment(since), failures, _moment(until) if lasting else None)

    def _run(self, deed: str, key: str, verb: str, *arguments: int) -> list[Any]:
        with door(deed):
            where = f"{self._prefix}breaker:{key}"
            told: list[str | int] = [verb, self._clock(), *self._patience, *arguments]
            return list(soundly(self._redis, lambda: self._script([where], told), {where: "hash"}))


def _moment(micros_since_1970: str) -> datetime | None:
    return datetime.fromtimestamp(int(micros_since_1970) / 1e6, UTC) if int(micros_since_1970) else None
