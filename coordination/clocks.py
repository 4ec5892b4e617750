"""Shares clock readings between processes: the offset of each host, and the last time of the ledger's clock.

The data is not personal and no decision depends on it: after a flush it is complete again within half a minute.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from coordination.connection import PREFIX, redis_errors
from coordination.refusals import refused
from coordination.sound import VALUE, soundly

_SET_BACK = timedelta(seconds=30)  # smaller steps do not count: the process that notes the ledger's time may be slow
_CARRIED_ON = timedelta(seconds=20)  # no process uses an older reading of the ledger's clock (LedgerClock)
_FARTHEST = timedelta(days=36_525)  # no host clock is off by more than a century
_TRUSTED = timedelta(minutes=2)  # a host that has published nothing for longer has no worker any more


@dataclass(frozen=True, slots=True)
class ClockSetBack:
    """The ledger's clock was set back `by` this much; `first` if nobody has reported it yet."""

    by: timedelta
    first: bool


class ClockBoard:
    """A hash with a field per host, and a key with the ledger's newest time."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._hosts = f"{prefix}clocks"
        self._ledger = f"{prefix}clocks:ledger"

    def now(self) -> datetime:
        """The time of Redis' own clock (UTC). Raises `QueueDown`."""
        with redis_errors("tell the time"):
            seconds, micros = self._redis.time()
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))

    def publish(self, host: str, ahead: timedelta) -> None:
        """Publish how far the clock of `host` is ahead of Redis'. Raises `QueueDown`."""
        told = json.dumps([ahead.total_seconds(), self.now().timestamp()])
        with redis_errors("publish a clock"):
            soundly(self._redis, lambda: self._redis.hset(self._hosts, host, told), {self._hosts: "hash"})

    def hosts(self) -> dict[str, timedelta]:
        """How far each worker host is ahead of Redis' clock; old entries are deleted. Raises `QueueDown`."""
        now = self.now().timestamp()
        with redis_errors("read the clocks"):
            told = soundly(
                self._redis, lambda: cast("dict[str, str]", self._redis.hgetall(self._hosts)), {self._hosts: "hash"}
            )
        read = {host: _read_host(text) for host, text in told.items()}
        fresh = {host: ahead for host, (ahead, at) in read.items() if abs(now - at) <= _TRUSTED.total_seconds()}
        if old := told.keys() - fresh.keys():
            with redis_errors("forget old clocks"):
                self._redis.hdel(self._hosts, *old)
        return {host: timedelta(seconds=ahead) for host, ahead in sorted(fresh.items())}

    def note_ledger(self, now: datetime) -> ClockSetBack | None:
        """Record the ledger's time; return the set-back if its clock was set back recently. Raises `QueueDown`.

        It takes one command, except shortly after a set-back.
        """
        with redis_errors("note the ledger's time"):
            told = soundly(
                self._redis,
                lambda: cast("str | None", self._redis.set(self._ledger, _noted(now), get=True)),
                {self._ledger: "string"},
            )
            known = _read_ledger(told, now) if told is not None else None
            if known is None:
                return None
            shown, by, until = known
            first = shown - now > _SET_BACK
            if first:
                by, until = shown - now, now + _CARRIED_ON
            elif by and until and _leapt(shown, now, until):
                until = now + _CARRIED_ON
            if by and until and now < until:
                self._redis.set(self._ledger, _noted(now, by, until.isoformat()))
                return ClockSetBack(by, first)
        return None


def _read_host(text: str) -> tuple[float, float]:
    """How far a host is ahead, and when it published that; an invalid entry counts as very old."""
    try:
        ahead, at = (float(number) for number in json.loads(text))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return 0.0, 0.0
    return (ahead, at) if abs(ahead) <= _FARTHEST.total_seconds() and abs(at) < math.inf else (0.0, 0.0)


def _read_ledger(text: str, now: datetime) -> tuple[datetime, timedelta, datetime | None] | None:
    """The recorded state of the ledger's clock; None, and reported, if it cannot be right."""
    try:
        shown, seconds, until = json.loads(text)
        noted = datetime.fromisoformat(shown), timedelta(seconds=seconds)
        end = datetime.fromisoformat(until) if until else None
        sound = abs(noted[0] - now) <= _FARTHEST and timedelta() <= noted[1] <= _FARTHEST
        if sound and (end is None or end - noted[0] <= _CARRIED_ON + _SET_BACK):
            return *noted, end
    except (ValueError, TypeError, RecursionError, OverflowError):
        pass
    refused(VALUE, what="note of the ledger's clock thrown away")
    return None


def _leapt(shown: datetime, now: datetime, until: datetime) -> bool:
    """Whether the clock was set forward past `until`: other processes may still write times from older readings."""
    return shown < until <= now and now - shown > _SET_BACK


def _noted(now: datetime, by: timedelta = timedelta(), until: str = "") -> str:
    return json.dumps([now.isoformat(), by.total_seconds(), until])
