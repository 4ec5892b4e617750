"""What was thrown away because it is not ours or cannot be right: counted for metrics and `hcc doctor`, said seldom."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import cast

from redis import Redis

from config.seldom import Seldom
from config.settings import SettingsError, load
from worker.queue.connection import PREFIX, QueueDown, door, open_redis

log = logging.getLogger("hcc.queue")

_KEPT_SECONDS = 86_400
_KINDS = 50  # more are nobody's
_MOST = 10**12
_SAID = Seldom(60.0)


class Refusals:
    """Counts by kind, of the last day and longer while there is more of it."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}refused"

    def add(self, kinds: Counter[str]) -> None:
        """Count these. Raises `QueueDown`, also where something else lies there: `all` throws that away."""
        pipeline = self._redis.pipeline(transaction=False)
        for kind, number in kinds.items():
            pipeline.hincrby(self._key, kind, number)
        pipeline.expire(self._key, _KEPT_SECONDS)
        with door("count what was refused"):
            pipeline.execute()

    def all(self) -> dict[str, int]:
        """How many of each kind; what cannot be a count is thrown away. Raises `QueueDown`."""
        with door("tell what was refused"):
            if self._redis.type(self._key) not in ("hash", "none") or self._redis.hlen(self._key) > _KINDS:
                self._redis.delete(self._key)
            found = cast("dict[str, str]", self._redis.hgetall(self._key))
            counts = {kind: int(number) for kind, number in found.items() if _is_count(number)}
            if wrong := found.keys() - counts.keys():
                self._redis.hdel(self._key, *wrong)
        return counts


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) and int(text) <= _MOST


_waiting: Counter[str] = Counter()
_flushed = Seldom(1.0)


def refused(kind: str, *, what: str = "message of the queues dropped") -> None:
    """Say that something was thrown away, once a minute and kind, and count it. Never raises.

    `kind` is of a closed set: nothing of what was thrown away.
    """
    if number := _SAID.may(kind):
        log.error("%s why=%s number=%d", what, kind, number)
    _waiting[kind] += 1
    if _flushed.may("count"):
        with suppress(QueueDown, SettingsError):
            _counts().add(_waiting)
            _waiting.clear()


@cache
def _counts() -> Refusals:
    return Refusals(open_redis(load("redis_url").redis_url))
