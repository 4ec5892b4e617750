"""What processes tell each other of their clocks: how far each host is off, and what the ledger's clock showed last.

Nothing here is personal, and nothing here decides: flushed, it is written anew within half a minute.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door

_SET_BACK_SECONDS = 20  # longer than any process carries an older reading of the ledger's clock on (LedgerClock)
_TRUSTED = timedelta(minutes=2)  # a host that has said nothing for longer has no worker any more


class ClockBoard:
    """One hash with a field for each host, and the ledger's newest time."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._hosts = f"{prefix}clocks"
        self._ledger = f"{prefix}clocks:ledger"
        self._set_back = f"{prefix}clocks:set_back"

    def now(self) -> datetime:
        """The time of Redis' own clock (UTC). Raises `QueueDown`."""
        with door("tell the time"):
            seconds, micros = self._redis.time()
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))

    def publish(self, host: str, ahead: timedelta) -> None:
        """Say how far the clock of `host` is ahead of Redis'. Raises `QueueDown`."""
        told = json.dumps([ahead.total_seconds(), self.now().timestamp()])
        with door("publish a clock"):
            self._redis.hset(self._hosts, host, told)

    def hosts(self) -> dict[str, timedelta]:
        """How far each host with a worker is ahead of Redis' clock; what is old is thrown away. Raises `QueueDown`."""
        now = self.now().timestamp()
        with door("read the clocks"):
            told = cast("dict[str, str]", self._redis.hgetall(self._hosts))
        read = {host: json.loads(text) for host, text in told.items()}
        old = [host for host, (_, at) in read.items() if abs(now - at) > _TRUSTED.total_seconds()]
        if old:
            with door("forget old clocks"):
                self._redis.hdel(self._hosts, *old)
        return {host: timedelta(seconds=ahead) for host, (ahead, _) in sorted(read.items()) if host not in old}

    def ledger_showed(self) -> datetime | None:
        """What the ledger's clock showed when somebody noted it last. Raises `QueueDown`."""
        with door("read the ledger's time"):
            before = cast("str | None", self._redis.get(self._ledger))
        return None if before is None else datetime.fromisoformat(before)

    def note_ledger(self, now: datetime) -> None:
        """Note what the ledger's clock shows. Raises `QueueDown`."""
        with door("note the ledger's time"):
            self._redis.set(self._ledger, now.isoformat())

    def note_set_back(self) -> None:
        """Note that the ledger's clock was set back just now. Raises `QueueDown`."""
        with door("note a clock set back"):
            self._redis.set(self._set_back, 1, ex=_SET_BACK_SECONDS)

    def lately_set_back(self) -> bool:
        """Whether some process may still write times of before the ledger's clock was set back. Raises `QueueDown`."""
        with door("look for a clock set back"):
            return bool(self._redis.exists(self._set_back))
