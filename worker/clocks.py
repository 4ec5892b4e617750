"""Clocks: which of them may be believed, asked before anything that cannot be undone.

What is due, late or leased goes by the ledger's clock alone, whatever hosts show (incident 17). If that clock jumps by
three days, all that waits is too old; if by two years, all history is. So before such a deed a second clock is asked,
and the deed goes by the earliest of those that agree.

| what can be read                     | a proof?                                                                |
|--------------------------------------|-------------------------------------------------------------------------|
| ledger, host and Redis agree         | yes                                                                     |
| ledger and host agree, Redis is away | yes: two clocks                                                         |
| two of three agree, whichever        | no: ledger and Redis often stand on one machine, and would err together |
| all on one machine (embedded)        | they are one clock: retention has its own rule against leaps            |
|                                      | (`worker.ledger.past`), and an operator can bring `expired` back        |

A host whose own clock is wrong does nothing that cannot be undone; workers on other hosts do it. Waiting does no harm,
as ages are counted in hours and months. Clocks in a sound deployment may differ by three minutes: `TOLERANCE` is above
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

from worker.ledger.clock import now as ledger_now
from worker.queue.clocks import ClockBoard
from worker.queue.connection import QueueDown, open_redis

log = logging.getLogger("hcc.clocks")

TOLERANCE = timedelta(minutes=5)
"""Clocks that differ by less agree."""

_PUBLISH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Readings:
    """What the clocks showed at one moment (UTC); `redis` is None where Redis is away."""

    ledger: datetime
    host: datetime
    redis: datetime | None

    @property
    def all(self) -> list[datetime]:
        """Those that could be read."""
        return [self.ledger, self.host, *([] if self.redis is None else [self.redis])]


def apart(readings: Readings) -> timedelta:
    """By how much the two clocks differ that differ most."""
    return max(readings.all) - min(readings.all)


def agree(readings: Readings, tolerance: timedelta = TOLERANCE) -> bool:
    """Whether the time is proven: all clocks that can be read show the same, and there are always two."""
    return apart(readings) <= tolerance


def proven(readings: Readings, tolerance: timedelta = TOLERANCE) -> datetime | None:
    """The moment by which something may be too old for good: the earliest that is shown; None where they disagree."""
    return min(readings.all) if agree(readings, tolerance) else None


def read(connection: Connection, redis: Redis) -> Readings:
    """Read all clocks: one question to the ledger, one to Redis. A slow answer does not make a clock look wrong."""
    host, since = datetime.now(UTC), time.monotonic()
    ledger = _as_of(since, lambda: ledger_now(connection))
    shared = None
    with suppress(QueueDown):
        shared = _as_of(since, ClockBoard(redis).now)
    return Readings(ledger, host, shared)


def _as_of(since: float, ask: Callable[[], datetime]) -> datetime:
    """What a clock showed at `since` (monotonic): it was read half-way through the question."""
    before = time.monotonic()
    shown = ask()
    return shown - timedelta(seconds=(before + time.monotonic()) / 2 - since)


class SecondClock:
    """The proven time for what cannot be undone; says once when the clocks disagree, and once when they agree again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._disagreed = False

    def now(self, connection: Connection) -> datetime | None:
        """The moment by which something may be too old for good; None: not now."""
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
    """Tell the others how far this host's clock is off, again and again, in a thread that ends with the process.

    Not on a bell: a worker whose clock is so wrong that it drops every bell is the one that must be heard of.
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
    """How far this host's clock is ahead of Redis'. Raises `QueueDown`."""
    host, since = datetime.now(UTC), time.monotonic()
    return host - _as_of(since, board.now)
