"""Cooldowns: after one process has done a piece of work, no other needs to repeat it for a while.

This is an optimisation only: if Redis is away or was flushed, the work is done once too often.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis import Redis

from coordination.connection import PREFIX, redis_errors
from coordination.sound import begin_anew


class Cooldowns:
    """The cooldowns that all processes share."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix

    def over(self, seconds: Mapping[str, float]) -> list[str]:
        """The names whose cooldown is over, in one call; each starts a new cooldown now. Raises `QueueDown`."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, length in seconds.items():
            pipeline.set(f"{self._prefix}rest:{name}", 1, nx=True, px=max(1, round(length * 1000)))
        with redis_errors("tell what rests"):
            answers = pipeline.execute()
        return [
            name
            for name, begun in zip(seconds, answers, strict=True)
            if begun or begin_anew(self._redis, f"{self._prefix}rest:{name}", seconds[name])
        ]
