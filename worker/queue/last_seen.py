"""Where the ledger was when somebody last looked: kept outside of it, so that going back is noticed.

A help, not the truth: where it is flushed, the next look begins anew.
"""

from __future__ import annotations

from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door
from worker.queue.sound import soundly


class LastSeen:
    """One short text that any process may read and replace."""

    def __init__(self, redis: Redis, name: str, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}seen:{name}"

    def read(self) -> str | None:
        """What was seen last; None where nothing was. Raises `QueueDown`."""
        with door("tell what was seen last"):
            return soundly(self._redis, lambda: cast("str | None", self._redis.get(self._key)), {self._key: "string"})

    def write(self, what: str) -> None:
        """This is what is seen now. Raises `QueueDown`."""
        with door("note what is seen"):
            self._redis.set(self._key, what)
