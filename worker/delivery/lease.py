"""Defines our right to a batch: a lease of limited time, and the guard that lets its notices leave until it expires."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from coordination.connection import QueueDown
from coordination.marks import EpochLost, departure
from coordination.pace import PUNCTUAL_SECONDS
from domain.notice import Letter
from domain.outcome import EarlierTry, Uncertain
from worker.services.bootstrap import Services

FORGOTTEN = "it was marked before by a try that the ledger does not know: it may have been sent"

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> float:
    """Linux' monotonic clock that continues while the machine sleeps; on other systems the usual monotonic clock."""
    return time.clock_gettime(_BOOT_CLOCK)


class LeaseOver(Exception):  # noqa: N818 (a state of the world: another worker has the notice now, or soon)
    """The lease has expired: its notices that have not left must not leave."""


class Deadline:
    """A moment `seconds` from now. It has come as soon as either clock of this host has reached it.

    A process that was suspended cannot rely on a single clock. If a whole virtual machine is suspended, perhaps only
    the wall clock continues; but the wall clock can be set back. If it is set forward, the lease merely ends early.
    """

    __slots__ = ("_steady", "_wall")

    def __init__(self, seconds: float) -> None:
        self._steady = boot_clock() + seconds
        self._wall = time.time() + seconds

    def has_come(self, now: float) -> bool:
        """Whether the moment has come; `now` is a reading of `boot_clock`."""
        return now >= self._steady or time.time() >= self._wall


@dataclass(slots=True)
class Lease:
    """A lease: its name, the epoch of its marks, and the moment at which we stop sending.

    `unsettled` counts its letters that are not recorded as completed in the ledger.
    """

    name: str
    epoch: str
    deadline: Deadline
    unsettled: int = 0

    @classmethod
    def begin(cls, services: Services) -> Lease:
        """Begin a new lease. Its time starts before the claim, so that it ends for us before it ends for others.

        Raises `QueueDown`, also if Redis was flushed a moment ago: the next try finds another epoch.
        """
        deadline = Deadline(services.settings.lease_seconds)
        epoch = services.marks.epoch()
        lease = cls(f"{epoch}.{uuid.uuid4().hex}", epoch, deadline)
        try:
            services.marks.begin(lease.name, epoch)
        except EpochLost as lost:
            raise QueueDown(str(lost)) from lost
        return lease

    def settled(self, services: Services, number: int) -> None:
        """Note that `number` more letters are recorded as completed; after the last one, delete the lease's marks."""
        self.unsettled -= number
        if self.unsettled <= 0:
            with suppress(QueueDown):
                services.marks.forget(self.name, self.epoch)


@dataclass(slots=True)
class LeaseGuard:
    """Marks the letters of a lease and lets them leave until it expires; keeps back those marked by a forgotten try.

    `permitted` is the time of their permits, by `boot_clock`. `lateness` is reported to the limiter.
    """

    services: Services
    lease: Lease
    letters: Sequence[Letter]
    permitted: float
    _left: float = 0.0
    _told: float = PUNCTUAL_SECONDS
    _doubts: dict[int, Uncertain] = field(default_factory=dict)
    _departures: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        name = self.services.people.event_hash
        notices = [letter.notice for letter in self.letters]
        self._departures = {one.id: departure(one.id, name(one.oa, one.key), one.tried_under) for one in notices}

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        """Mark notices that are about to leave; return those that must not leave.

        Raises `LeaseOver` if the lease has expired, `EpochLost` if the marks are lost, `QueueDown` if Redis is away.
        Then none of them may leave.
        """
        if self.is_over():
            raise LeaseOver
        departures = [self._departures[tag] for tag in tags]
        forgotten = self.services.marks.leave(self.lease.name, self.lease.epoch, departures)
        for notice, witness in forgotten.items():
            self._doubts[notice] = Uncertain(FORGOTTEN, earlier=EarlierTry(witness.tag, witness.seconds_ago))
        return forgotten

    def is_over(self) -> bool:
        """Whether the lease has expired, so that no letter may leave. Checked for each letter just before it leaves."""
        self._left = boot_clock()
        return self.lease.deadline.has_come(self._left)

    def lateness(self) -> float | None:
        """How many seconds after its permit the last letter left; None if punctual or no later than reported before."""
        late = self._left - self.permitted
        if late <= self._told:
            return None
        self._told = late
        return late

    def doubt(self, notice: int) -> Uncertain | None:
        """The outcome of a notice that a forgotten try has marked; None for any other."""
        return self._doubts.get(notice)
