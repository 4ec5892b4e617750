"""Stores the ledger's last seen position outside of the ledger, so that a setback is detected.

It is an aid, not the source of truth: after a flush the next look starts afresh.
"""

from __future__ import annotations

from typing import cast

from redis import Redis

from coordination.connection import PREFIX, redis_errors
from coordination.sound import soundly


class LastSeen:
    """A short text that any process may read and replace."""

    def __init__(self, redis: Redis, name: str, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}seen:{name}"

    def read(self) -> str | None:
        """The text written last; None if there is none. Raises `QueueDown`."""
        with redis_errors("tell what was seen last"):
            return soundly(self._redis, lambda: cast("str | None", self._redis.get(self._key)), {self._key: "string"})

    def write(self, what: str) -> None:
        """Replace the text. Raises `QueueDown`."""
        with redis_errors("note what is seen"):
            self._redis.set(self._key, what)
