"""Counts discarded foreign or invalid data, for metrics and `hcc doctor`; the log lines are rate-limited."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import cast

from redis import Redis

from config.seldom import Seldom
from config.settings import SettingsError, load
from coordination.connection import PREFIX, QueueDown, open_redis, redis_errors

log = logging.getLogger("hcc.queue")

_KEPT_SECONDS = 86_400
_KINDS = 50  # a hash with more kinds is not ours
_MOST = 10**12
_SAID = Seldom(60.0)


class Refusals:
    """Counts by kind; they are kept until there was no refusal for a day."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}refused"

    def add(self, kinds: Counter[str]) -> None:
        """Add these counts. Raises `QueueDown`, also if the key has a wrong type: `all` deletes it then."""
        pipeline = self._redis.pipeline(transaction=False)
        for kind, number in kinds.items():
            pipeline.hincrby(self._key, kind, number)
        pipeline.expire(self._key, _KEPT_SECONDS)
        with redis_errors("count what was refused"):
            pipeline.execute()

    def all(self) -> dict[str, int]:
        """The count of each kind; invalid counts are deleted. Raises `QueueDown`."""
        with redis_errors("tell what was refused"):
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
    """Log that something was discarded, once a minute per kind, and count it. Never raises.

    `kind` is from a closed set and contains nothing of the discarded data.
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
