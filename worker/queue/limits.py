"""The shared rate limit: permits for a whole batch in one call, never exceeded and used to the full.

`pace.py` holds the arithmetic, `limits.lua` the deed. What a caller owes in return: start the calls that a grant
permits at once (a batch whose first byte leaves a second later is a batch in another minute), and wait without a
lease in hand. Where Redis is away nothing is granted: `QueueDown` is raised, and nothing may be sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import NoScriptError

from worker.domain.lane import Lane
from worker.queue.connection import PREFIX, door, lua_beside
from worker.queue.holds import Holds
from worker.queue.pace import (
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
from worker.queue.sound import soundly

__all__ = ["Grant", "Lane", "Limit", "Limiter"]

_REFUSED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Grant:
    """So many calls may start now; where that is less than wanted, come back for more in `wait_seconds`."""

    granted: int
    wait_seconds: float


class Limiter:
    """Permits that all workers on one Redis share."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._holds = Holds(redis, prefix, clock)
        self._lua = lua_beside(__file__)
        self._sha = hashlib.sha1(self._lua.encode(), usedforsecurity=False).hexdigest()

    def take(self, limits: Sequence[Limit], wanted: int, *, lane: Lane = Lane.SERVICE, weight: int = 1) -> Grant:
        """Take up to `wanted` permits that count `weight` each against every one of `limits`, all or none of each.

        Raises `QueueDown`; an answer that got lost has used its permits up.
        """
        return self._run("take", limits, wanted, weight, lane)

    def peek(self, limits: Sequence[Limit], wanted: int, *, lane: Lane = Lane.SERVICE, weight: int = 1) -> Grant:
        """What `take` would grant now, without taking it: a claim need not be larger. Raises `QueueDown`."""
        return self._run("peek", limits, wanted, weight, lane)

    def give_back(self, limits: Sequence[Limit], unused: int, *, weight: int = 1) -> None:
        """Return permits for calls that were not made. Do so at once: a late return is a burst. Raises `QueueDown`."""
        if unused > 0:
            self._run("give_back", limits, unused, weight)

    def correct(self, limit: Limit, remaining: int) -> None:
        """The provider says (X-RateLimit-Remain) that only `remaining` calls are left: what we did not know of counts.

        A difference of one in a hundred is no news: calls are on the way while the header is. Raises `QueueDown`.
        """
        self._run("correct", [limit], remaining, 1 + limit.per_minute // 100)

    def over(self, limit: Limit) -> None:
        """The provider refused a call (-32): its window is full, so nothing more until one of ours has left it.

        Not within a second either: what fills it may be unknown to us, and leave no sooner. Raises `QueueDown`.
        """
        self._run("correct", [limit], 0, 0)
        self._holds.hold(limit.key, _REFUSED_SECONDS, "the provider refused a call as one too many")

    def late(self, limits: Sequence[Limit], seconds: float) -> None:
        """A call left so long after its permit (at most `LATEST_SECONDS` count). Raises `QueueDown`."""
        self._run("late", limits, micros(min(seconds, LATEST_SECONDS)), 1)

    def _run(
        self, verb: str, limits: Sequence[Limit], number: int, weight: int, lane: Lane = Lane.INTERACTIVE
    ) -> Grant:
        keys = [f"{self._prefix}limits", self._holds.key]
        facts: list[str | int] = []
        for limit in limits:
            keys += [f"{self._prefix}limit:{limit.key}", f"{self._prefix}limit:{limit.key}:log"]
            facts += [limit.key, limit.per_minute]
        times = (WINDOW_SECONDS, BURST_SECONDS, RESERVE_SECONDS[lane], SLICE_SECONDS)
        with door("grant permits"):
            tail = [number, weight, *map(micros, times), *facts]
            kinds = {key: "list" if key.endswith(":log") else "hash" for key in keys}
            head: list[str | int] = [*keys, verb, self._clock()]
            granted, wait = soundly(self._redis, lambda: self._call(len(keys), head, tail), kinds)
        return Grant(granted, wait / 1e6)

    def _call(self, keys: int, head: Sequence[str | int], tail: Sequence[str | int]) -> tuple[int, int]:
        """EVALSHA; and where the server does not know the script, EVAL with `fresh` set.

        A server that does not know it has been restarted, perhaps with an append-only file that lacks the last second.
        EVAL makes it known and starts the new life in one step, so no other worker can come in between.
        """
        try:
            granted, wait = self._redis.evalsha(self._sha, keys, *head, 0, *tail)
        except NoScriptError:
            granted, wait = self._redis.eval(self._lua, keys, *head, 1, *tail)
        return granted, wait
