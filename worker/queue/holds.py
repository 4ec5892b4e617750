"""Holds: what Zalo told us to leave alone for a while; every worker knows at once for how long and why.

A held limit grants nothing (limits.lua). What else may be held — a channel of an OA, a kind of notice, one person — is
asked for by name before anything is sent. A hold lost in a flush is set anew by the answer that called for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door, lua_beside
from worker.queue.pace import Clock, micros, servers_clock
from worker.queue.refusals import refused
from worker.queue.sound import VALUE, soundly

LONGEST_SECONDS = 32 * 86_400.0
"""No hold lasts longer: of what Zalo tells us to wait for, a month's quota is the longest. Also in the scripts."""

_TRUSTED_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Hold:
    """Whatever goes by the name `key` is left alone for `seconds` more, because of `reason`."""

    key: str
    reason: str
    seconds: float


class Holds:
    """What is held, why and for how long."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, clock: Clock = servers_clock) -> None:
        self._redis = redis
        self.key = f"{prefix}holds"
        self._looked = False, 0.0  # whether anything was held, and until when (monotonic) that is trusted
        self._clock = clock
        self._script = redis.register_script(lua_beside(__file__))

    def hold(self, key: str, seconds: float, reason: str) -> None:
        """Hold `key`; of two holds the one that ends later stands. Raises `QueueDown`."""
        if seconds > 0:
            self._looked = False, 0.0
            with door("hold"):
                length = micros(min(seconds, LONGEST_SECONDS))
                self._run(["hold", self._clock(), key, length, reason])

    def lift(self, key: str) -> bool:
        """Hold `key` no more; whether it was held. The answer that called for it may call again. Raises `QueueDown`."""
        held = bool(self.of([key]))
        with door("lift a hold"):
            self._redis.hdel(self.key, key)
        return held

    def of(self, keys: Iterable[str]) -> dict[str, Hold]:
        """Those of `keys` that are held, in one call. Raises `QueueDown`."""
        wanted = sorted(set(keys))
        return {hold.key: hold for hold in self._ask("of", *wanted)} if wanted else {}

    def any(self) -> bool:
        """Whether anything is held at all, as of a moment ago: on most days nothing is. Raises `QueueDown`."""
        some, until = self._looked
        if time.monotonic() >= until:
            with door("look for holds"):
                some = bool(self._redis.exists(self.key))
            self._looked = some, time.monotonic() + _TRUSTED_SECONDS
        return some

    def all(self) -> list[Hold]:
        """Every hold there is, the one that ends last first. Raises `QueueDown`."""
        return sorted(self._ask("all"), key=lambda hold: -hold.seconds)

    def _ask(self, verb: str, *keys: str) -> list[Hold]:
        with door("list the holds"):
            answer = cast("list[str]", self._run([verb, self._clock(), *keys]))
        thrice = iter(answer)
        found = [Hold(key, reason, int(left) / 1e6) for key, left, reason in zip(thrice, thrice, thrice, strict=True)]
        if any(hold.seconds < 0 for hold in found):
            refused(VALUE, what="hold thrown away")
        return [hold for hold in found if hold.seconds >= 0]

    def _run(self, arguments: Sequence[str | int]) -> object:
        return soundly(self._redis, lambda: self._script([self.key], arguments), {self.key: "hash"})
