"""Holds: a limit that is held grants nothing until then, and every worker knows at once for how long and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door, lua_beside
from worker.queue.pace import Clock, micros, servers_clock


@dataclass(frozen=True, slots=True)
class Hold:
    """The limit `key` grants nothing for `seconds` more, because of `reason`."""

    key: str
    reason: str
    seconds: float


class Holds:
    """What is held, why and for how long. A hold lost in a flush is set anew by the answer that called for it."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock) -> None:
        self.key = f"{prefix}holds"
        self._redis = redis
        self._clock = clock
        self._script = redis.register_script(lua_beside(__file__))

    def hold(self, key: str, seconds: float, reason: str) -> None:
        """Hold `key`; each reason is a hold of its own, and one for the same reason that ends later stays.

        Raises `QueueDown`.
        """
        if seconds > 0:
            with door("hold a limit"):
                self._script([self.key], [self._clock(), f"{key}|{reason}", micros(seconds)])

    def release(self, key: str, reason: str) -> None:
        """End this hold now: its reason is gone (a token was renewed, an operator says so). Raises `QueueDown`."""
        with door("release a limit"):
            self._redis.hdel(self.key, f"{key}|{reason}")

    def all(self) -> list[Hold]:
        """Every hold there is, the one that ends last first. Raises `QueueDown`."""
        with door("list the holds"):
            answer = cast("list[str]", self._script([self.key], [self._clock()]))
        holds = [_hold(name, left) for name, left in zip(answer[::2], answer[1::2], strict=True)]
        return sorted(holds, key=lambda hold: -hold.seconds)


def _hold(name: str, left: str) -> Hold:
    key, _, reason = name.partition("|")
    return Hold(key, reason, int(left) / 1e6)
