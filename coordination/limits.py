"""The shared rate limit: permits for a whole batch in one call, never exceeded and fully used.

`pace.py` describes the arithmetic, `limits.lua` implements it. Callers have two duties. They start the permitted calls
at once: a batch whose first byte leaves a second later belongs to another minute. They hold no lease while they wait.
If Redis is away nothing is granted: `QueueDown` is raised, and nothing may be sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import NoScriptError

from coordination.connection import PREFIX, lua_beside, redis_errors
from coordination.holds import Holds
from coordination.pace import (
    BURST_SECONDS,
    LATEST_SECONDS,
    RESERVE_SECONDS,
    SLICE_SECONDS,
    WINDOW_SECONDS,
    Clock,
    Limit,
    micros,
    servers_clock,
)
from coordination.sound import soundly
from domain.lane import Lane

__all__ = ["Grant", "Lane", "Limit", "Limiter"]

_REFUSED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Grant:
    """The number of calls that may start now; if it is less than wanted, ask again in `wait_seconds`."""

    granted: int
    wait_seconds: float


class Limiter:
    """The permits that all workers on one Redis share."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._holds = Holds(redis, prefix, clock)
        self._lua = lua_beside(__file__)
        self._sha = hashlib.sha1(self._lua.encode(), usedforsecurity=False).hexdigest()

    def take(self, limits: Sequence[Limit], wanted: int, *, lane: Lane = Lane.SERVICE) -> Grant:
        """Take up to `wanted` permits; each counts against every one of `limits`, or against none.

        Raises `QueueDown`; if the answer is lost, its permits are used up.
        """
        return self._run("take", limits, wanted, lane=lane)

    def peek(self, limits: Sequence[Limit], wanted: int, *, lane: Lane = Lane.SERVICE) -> Grant:
        """What `take` would grant now, without taking it, to limit the size of a claim. Raises `QueueDown`."""
        return self._run("peek", limits, wanted, lane=lane)

    def used(self, limit: Limit) -> float:
        """The share of the limit that was let out in the last minute. Raises `QueueDown`.

        An expired or foreign value counts as nothing: `peek` has just thrown it away.
        """
        self.peek([limit], 1)
        with redis_errors("tell what is used of a limit"):
            counted = self._redis.hget(f"{self._prefix}limit:{limit.key}", "used")
        return min(1.0, int(counted) / limit.per_minute) if counted and str(counted).isdecimal() else 0.0

    def give_back(self, limits: Sequence[Limit], unused: int) -> None:
        """Return the permits of calls not made. Do so at once: a late return causes a burst. Raises `QueueDown`."""
        if unused > 0:
            self._run("give_back", limits, unused)

    def correct(self, limit: Limit, remaining: int) -> None:
        """Count calls unknown to us: the provider reports only `remaining` calls left (X-RateLimit-Remain).

        A difference of up to one in a hundred is ignored: calls are in flight together with the header. Raises
        `QueueDown`.
        """
        self._run("correct", [limit], remaining, ignored=1 + limit.per_minute // 100)

    def over(self, limit: Limit) -> None:
        """The provider refused a call (-32): its window is full, so grant nothing until one of our calls leaves it.

        Also grant nothing for one second: the window may be full of calls unknown to us. Raises `QueueDown`.
        """
        self._run("correct", [limit], 0)
        self._holds.hold(limit.key, _REFUSED_SECONDS, "the provider refused a call as one too many")

    def late(self, limits: Sequence[Limit], seconds: float) -> None:
        """Report that a call left `seconds` after its permit; at most `LATEST_SECONDS` count. Raises `QueueDown`."""
        self._run("late", limits, micros(min(seconds, LATEST_SECONDS)))

    def _run(
        self, verb: str, limits: Sequence[Limit], number: int, *, ignored: int = 0, lane: Lane = Lane.INTERACTIVE
    ) -> Grant:
        keys = [f"{self._prefix}limits", self._holds.key]
        facts: list[str | int] = []
        for limit in limits:
            keys += [f"{self._prefix}limit:{limit.key}", f"{self._prefix}limit:{limit.key}:log"]
            facts += [limit.key, limit.per_minute]
        times = (WINDOW_SECONDS, BURST_SECONDS, RESERVE_SECONDS[lane], SLICE_SECONDS)
        with redis_errors("grant permits"):
            tail = [number, ignored, *map(micros, times), *facts]
            kinds = {key: "list" if key.endswith(":log") else "hash" for key in keys}
            head: list[str | int] = [*keys, verb, self._clock()]
            granted, wait = soundly(self._redis, lambda: self._call(len(keys), head, tail), kinds)
        return Grant(granted, wait / 1e6)

    def _call(self, keys: int, head: Sequence[str | int], tail: Sequence[str | int]) -> tuple[int, int]:
        """Call EVALSHA; if the server does not know the script, EVAL with `fresh` set.

        A server that does not know the script has been restarted, perhaps with an append-only file that lacks the last
        second. EVAL loads the script and starts the new life in one step, so no other worker can interleave.
        """
        try:
            granted, wait = self._redis.evalsha(self._sha, keys, *head, 0, *tail)
        except NoScriptError:
            granted, wait = self._redis.eval(self._lua, keys, *head, 1, *tail)
        return granted, wait
