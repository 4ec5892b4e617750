"""Made-up traffic for the limiter, in simulated time, and the exact judge of what it let out."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from coordination.limits import Lane, Limit, Limiter
from tests.coordination.conftest import Clock

MINUTE = 60_000_000  # µs


@dataclass
class Arrivals:
    """When how many calls arrived at the provider (µs)."""

    log: list[tuple[int, int]] = field(default_factory=list)

    def add(self, at: int, count: int) -> None:
        """Note calls; nothing came is nothing noted."""
        if count:
            self.log.append((at, count))

    def fullest_minute(self) -> int:
        """The most calls in any 60 seconds, (t - 60 s, t]: one that ends at an arrival is the fullest there is."""
        calls = sorted(self.log)
        times = [at for at, _ in calls]
        sums = [0, *accumulate(count for _, count in calls)]
        return max((sums[i + 1] - sums[bisect_right(times, at - MINUTE)] for i, at in enumerate(times)), default=0)

    def within(self, begin: int, seconds: float) -> int:
        """How many calls arrived in so many seconds from `begin` on."""
        return sum(count for at, count in self.log if begin <= at < begin + seconds * 1e6)

    @property
    def first(self) -> int:
        """When the first call arrived."""
        return self.log[0][0]


def crowd(
    limiter: Limiter,
    clock: Clock,
    limits: Sequence[Limit],
    seconds: float,
    *,
    workers: int = 4,
    batch: int = 200,
    lane: Lane = Lane.SERVICE,
    late: float = 0.01,
    meanwhile: Callable[[], None] = lambda: None,
) -> Arrivals:
    """Workers that always want `batch` more, and come back up to `late` seconds after they were told to."""
    chance = random.Random(20)  # noqa: S311 (traffic, not secrets)
    arrivals = Arrivals()
    end = clock.now + seconds * 1e6
    turns = [(clock.now + i, i) for i in range(workers)]
    while turns[0][0] < end:
        at, worker = heapq.heappop(turns)
        clock.now = max(clock.now, at)
        meanwhile()
        grant = limiter.take(limits, batch, lane=lane)
        arrivals.add(clock.now, grant.granted)
        heapq.heappush(turns, (clock.now + 1 + round((grant.wait_seconds + chance.random() * late) * 1e6), worker))
    clock.now = round(end)
    return arrivals
