"""Rests: work that one process has done just now, and that no other need do again before its time is over.

A help only: where Redis is away or was flushed, the work is done once too often.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis import Redis

from worker.queue.connection import PREFIX, door
from worker.queue.sound import begin_anew


class Rests:
    """What rests, for all processes."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix

    def over(self, seconds: Mapping[str, float]) -> list[str]:
        """Those names whose rest is over, in one call; each of them rests from now on. Raises `QueueDown`."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, length in seconds.items():
            pipeline.set(f"{self._prefix}rest:{name}", 1, nx=True, px=max(1, round(length * 1000)))
        with door("tell what rests"):
            answers = pipeline.execute()
        return [
            name
            for name, begun in zip(seconds, answers, strict=True)
            if begun or begin_anew(self._redis, f"{self._prefix}rest:{name}", seconds[name])
        ]
