"""Holds: pauses that Zalo imposed; every worker sees at once how long each lasts and why.

A held limit grants nothing (limits.lua). Other holds (a channel of an OA, a kind of notice, one person) are looked up
by name before anything is sent. If a flush deletes a hold, the next such answer of Zalo sets it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from coordination.connection import PREFIX, lua_beside, redis_errors
from coordination.pace import Clock, micros, servers_clock
from coordination.refusals import refused
from coordination.sound import VALUE, soundly

LONGEST_SECONDS = 32 * 86_400.0
"""The maximum length of a hold: the longest wait that Zalo imposes is a month's quota. Also in the scripts."""

_TRUSTED_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing named `key` is used for `seconds` more, because of `reason`."""

    key: str
    reason: str
    seconds: float


class Holds:
    """The holds, each with its reason and remaining time."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock) -> None:
        self._redis = redis
        self.key = f"{prefix}holds"
        self._looked = False, 0.0  # cache: whether there was any hold, valid until (monotonic)
        self._clock = clock
        self._script = redis.register_script(lua_beside(__file__))

    def hold(self, key: str, seconds: float, reason: str) -> None:
        """Hold `key`; of two holds the one that ends later remains. Raises `QueueDown`."""
        if seconds > 0:
            self._looked = False, 0.0
            with redis_errors("hold"):
                length = micros(min(seconds, LONGEST_SECONDS))
                self._run(["hold", self._clock(), key, length, reason])

    def lift(self, key: str) -> bool:
        """Lift the hold on `key`; return whether it was held. Zalo's answers may set it again. Raises `QueueDown`."""
        held = bool(self.of([key]))
        with redis_errors("lift a hold"):
            self._redis.hdel(self.key, key)
        return held

    def of(self, keys: Iterable[str]) -> dict[str, Hold]:
        """The holds on any of `keys`, in one call. Raises `QueueDown`."""
        wanted = sorted(set(keys))
        return {hold.key: hold for hold in self._ask("of", *wanted)} if wanted else {}

    def any(self) -> bool:
        """Whether there is any hold, cached briefly: on most days there is none. Raises `QueueDown`."""
        some, until = self._looked
        if time.monotonic() >= until:
            with redis_errors("look for holds"):
                some = bool(self._redis.exists(self.key))
            self._looked = some, time.monotonic() + _TRUSTED_SECONDS
        return some

    def all(self) -> list[Hold]:
        """All holds, the one that ends last first. Raises `QueueDown`."""
        return sorted(self._ask("all"), key=lambda hold: -hold.seconds)

    def _ask(self, verb: str, *keys: str) -> list[Hold]:
        with redis_errors("list the holds"):
            answer = cast("list[str]", self._run([verb, self._clock(), *keys]))
        thrice = iter(answer)
        found = [Hold(key, reason, int(left) / 1e6) for key, left, reason in zip(thrice, thrice, thrice, strict=True)]
        if any(hold.seconds < 0 for hold in found):
            refused(VALUE, what="hold thrown away")
        return [hold for hold in found if hold.seconds >= 0]

    def _run(self, arguments: Sequence[str | int]) -> object:
        return soundly(self._redis, lambda: self._script([self.key], arguments), {self.key: "hash"})
