"""Compares the clocks of ledger, host and Redis before irreversible actions.

Due times, delays and leases follow the ledger's clock alone, whatever the hosts' clocks show (incident 17). If that
clock jumps by three days, all waiting notices are too old; if by two years, all history is. Before an irreversible
action a second clock is therefore read, and the action uses the earliest of the clocks that agree.

| readings                             | time proven?                                                              |
|--------------------------------------|---------------------------------------------------------------------------|
| ledger, host and Redis agree         | yes                                                                       |
| ledger and host agree, Redis is away | yes: two clocks                                                           |
| only two of the three agree          | no: ledger and Redis often share a machine, and would be wrong together   |
| all on one machine (embedded)        | they are one clock: retention has its own check against clock jumps       |
|                                      | (`ledger.archive.archive`), and an operator can bring `expired` back      |

A host whose own clock is wrong takes no irreversible action; workers on other hosts do. Waiting does no harm, since
ages are counted in hours and months. Clocks in a healthy deployment may differ by three minutes: `TOLERANCE` is above
that, and far below the shortest age.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import Redis
from sqlalchemy import Connection

from coordination.clocks import ClockBoard
from coordination.connection import QueueDown, open_redis
from ledger.base.clock import now as ledger_now

log = logging.getLogger("hcc.clocks")

TOLERANCE = timedelta(minutes=5)
"""Clocks agree if they differ by no more than this."""

_PUBLISH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of the clocks at one moment (UTC); `redis` is None if Redis is away."""

    ledger: datetime
    host: datetime
    redis: datetime | None

    @property
    def all(self) -> list[datetime]:
        """The readings that are available."""
        return [self.ledger, self.host, *([] if self.redis is None else [self.redis])]


def apart(readings: Readings) -> timedelta:
    """The largest difference between two clocks."""
    return max(readings.all) - min(readings.all)


def agree(readings: Readings, tolerance: timedelta = TOLERANCE) -> bool:
    """Whether the time is proven: all available clocks agree; there are always at least two."""
    return apart(readings) <= tolerance


def proven(readings: Readings, tolerance: timedelta = TOLERANCE) -> datetime | None:
    """The time for irreversible age checks: the earliest reading; None if the clocks disagree."""
    return min(readings.all) if agree(readings, tolerance) else None


def read(connection: Connection, redis: Redis) -> Readings:
    """Read all clocks, with one query each to the ledger and Redis. A slow answer does not make a clock look wrong."""
    host, since = datetime.now(UTC), time.monotonic()
    ledger = _as_of(since, lambda: ledger_now(connection))
    shared = None
    with suppress(QueueDown):
        shared = _as_of(since, ClockBoard(redis).now)
    return Readings(ledger, host, shared)


def _as_of(since: float, ask: Callable[[], datetime]) -> datetime:
    """The clock's time at `since` (monotonic), assuming that it was read half-way through the query."""
    before = time.monotonic()
    shown = ask()
    return shown - timedelta(seconds=(before + time.monotonic()) / 2 - since)


class SecondClock:
    """The proven time for irreversible actions; logs once when clocks disagree, and once when they agree again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._disagreed = False

    def now(self, connection: Connection) -> datetime | None:
        """The time for irreversible age checks; None if it is not proven now."""
        readings = read(connection, self._redis)
        moment = proven(readings)
        if moment is None and not self._disagreed:
            log.error(
                "clocks disagree by %.0f s: nothing expires and nothing is purged until they agree; set them by NTP, "
                "`hcc doctor` compares them ledger=%s host=%s redis=%s",
                apart(readings).total_seconds(), *map(_shown, (readings.ledger, readings.host, readings.redis)),
            )  # fmt: skip
        elif moment is not None and self._disagreed:
            log.warning("clocks agree again: what is too old may go")
        self._disagreed = moment is None
        return moment


def _shown(moment: datetime | None) -> str:
    return "away" if moment is None else moment.isoformat(timespec="seconds")


def publish_clock(redis_url: str) -> threading.Thread:
    """Publish repeatedly how far this host's clock is off, in a thread that ends with the process.

    Bells do not trigger it: a worker whose clock is so wrong that it drops every bell is the one that must report.
    """
    thread = threading.Thread(target=_publish_for_good, args=(ClockBoard(open_redis(redis_url)),), daemon=True)
    thread.start()
    return thread


def _publish_for_good(board: ClockBoard) -> None:
    while True:
        with suppress(QueueDown):
            board.publish(platform.node(), host_ahead(board))
        time.sleep(_PUBLISH_SECONDS)


def host_ahead(board: ClockBoard) -> timedelta:
    """By how much this host's clock is ahead of Redis'. Raises `QueueDown`."""
    host, since = datetime.now(UTC), time.monotonic()
    return host - _as_of(since, board.now)
