"""What processes tell each other of their clocks: how far each host is off, and what the ledger's clock showed last.

Nothing here is personal, and nothing here decides: flushed, it is written anew within half a minute.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door

_SET_BACK = timedelta(seconds=30)  # less is no set-back: who notes the ledger's time may be slow
_CARRIED_ON = timedelta(seconds=20)  # for longer no process carries an older reading of it on (LedgerClock)
_TRUSTED = timedelta(minutes=2)  # a host that has said nothing for longer has no worker any more


@dataclass(frozen=True, slots=True)
class SetBack:
    """The ledger's clock was set back by so much; `first` where nobody has said so yet."""

    by: timedelta
    first: bool


class ClockBoard:
    """One hash with a field for each host, and the ledger's newest time."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._hosts = f"{prefix}clocks"
        self._ledger = f"{prefix}clocks:ledger"

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

    def note_ledger(self, now: datetime) -> SetBack | None:
        """Note what the ledger's clock shows; whether it was set back a moment ago. Raises `QueueDown`.

        One command, but for the moments in which it was.
        """
        with door("note the ledger's time"):
            told = cast("str | None", self._redis.set(self._ledger, _noted(now), get=True))
            if told is None:
                return None
            shown, seconds, until = json.loads(told)
            by, first = timedelta(seconds=seconds), False
            if datetime.fromisoformat(shown) - now > _SET_BACK:
                by, first = datetime.fromisoformat(shown) - now, True
                until = (now + _CARRIED_ON).isoformat()
            elif by and _leapt(datetime.fromisoformat(shown), now, datetime.fromisoformat(until)):
                until = (now + _CARRIED_ON).isoformat()
            if by and now < datetime.fromisoformat(until):
                self._redis.set(self._ledger, _noted(now, by, until))
                return SetBack(by, first)
        return None


def _leapt(shown: datetime, now: datetime, until: datetime) -> bool:
    """Whether the clock was set forward, over the end of the moment: what others carried on may still be written."""
    return shown < until <= now and now - shown > _SET_BACK


def _noted(now: datetime, by: timedelta = timedelta(), until: str = "") -> str:
    return json.dumps([now.isoformat(), by.total_seconds(), until])
