"""What processes tell each other of their clocks: how far each host is off, and what the ledger's clock showed last.

Nothing here is personal, and nothing here decides: flushed, it is written anew within half a minute.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door
from worker.queue.refusals import refused
from worker.queue.sound import VALUE, soundly

_SET_BACK = timedelta(seconds=30)  # less is no set-back: who notes the ledger's time may be slow
_CARRIED_ON = timedelta(seconds=20)  # for longer no process carries an older reading of it on (LedgerClock)
_FARTHEST = timedelta(days=36_525)  # no clock of a host is off by more than a century
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
            soundly(self._redis, lambda: self._redis.hset(self._hosts, host, told), {self._hosts: "hash"})

    def hosts(self) -> dict[str, timedelta]:
        """How far each host with a worker is ahead of Redis' clock; what is old is thrown away. Raises `QueueDown`."""
        now = self.now().timestamp()
        with door("read the clocks"):
            told = soundly(
                self._redis, lambda: cast("dict[str, str]", self._redis.hgetall(self._hosts)), {self._hosts: "hash"}
            )
        read = {host: _read_host(text) for host, text in told.items()}
        fresh = {host: ahead for host, (ahead, at) in read.items() if abs(now - at) <= _TRUSTED.total_seconds()}
        if old := told.keys() - fresh.keys():
            with door("forget old clocks"):
                self._redis.hdel(self._hosts, *old)
        return {host: timedelta(seconds=ahead) for host, ahead in sorted(fresh.items())}

    def note_ledger(self, now: datetime) -> SetBack | None:
        """Note what the ledger's clock shows; whether it was set back a moment ago. Raises `QueueDown`.

        One command, but for the moments in which it was.
        """
        with door("note the ledger's time"):
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
                return SetBack(by, first)
        return None


def _read_host(text: str) -> tuple[float, float]:
    """How far a host is ahead, and when it said so; what nobody of ours wrote was said long ago."""
    try:
        ahead, at = (float(number) for number in json.loads(text))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return 0.0, 0.0
    return (ahead, at) if abs(ahead) <= _FARTHEST.total_seconds() and abs(at) < math.inf else (0.0, 0.0)


def _read_ledger(text: str, now: datetime) -> tuple[datetime, timedelta, datetime | None] | None:
    """What was noted of the ledger's clock; None, and said, where it cannot be right."""
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
    """Whether the clock was set forward, over the end of the moment: what others carried on may still be written."""
    return shown < until <= now and now - shown > _SET_BACK


def _noted(now: datetime, by: timedelta = timedelta(), until: str = "") -> str:
    return json.dumps([now.isoformat(), by.total_seconds(), until])
