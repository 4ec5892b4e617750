"""Our right to a batch: a lease of limited time, and the guard that lets its notices leave while it lasts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from worker.bootstrap import Services
from worker.domain.notice import Letter
from worker.domain.outcome import EarlierTry, Uncertain
from worker.queue.connection import QueueDown
from worker.queue.marks import EpochLost, departure
from worker.queue.pace import PUNCTUAL_SECONDS

FORGOTTEN = "it was marked before by a try that the ledger does not know: it may have been sent"

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux: goes on while the machine sleeps


class LeaseOver(Exception):  # noqa: N818 (a state of the world: the notice is others' by now, or soon)
    """Our time with the batch is over: what has not left stays."""


class Deadline:
    """A moment so many seconds from now, which has come as soon as any clock of this host says so.

    No single clock can be relied on by a process that stood still: the monotonic one stops while the machine sleeps,
    the wall clock is set back. A clock that is set forward ends our time early, and costs no more than that.
    """

    __slots__ = ("_booted", "_steady", "_wall")

    def __init__(self, seconds: float) -> None:
        self._steady = time.monotonic() + seconds
        self._booted = time.clock_gettime(_BOOT_CLOCK) + seconds
        self._wall = time.time() + seconds

    def has_come(self) -> bool:
        """Whether it is over."""
        return (
            time.monotonic() >= self._steady
            or time.time() >= self._wall
            or time.clock_gettime(_BOOT_CLOCK) >= self._booted
        )


@dataclass(slots=True)
class Lease:
    """A lease: its name, the epoch of its marks, and the moment at which we stop sending.

    `unsettled` counts the letters of it whose end is not in the ledger.
    """

    name: str
    epoch: str
    deadline: Deadline
    unsettled: int = 0

    @classmethod
    def begin(cls, services: Services) -> Lease:
        """A new lease, counted from before the claim: it ends for us before it ends for others.

        Raises `QueueDown`, also where Redis was flushed a moment ago: the next try finds another epoch.
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
        """The ends of so many letters are in the ledger; with the last one the marks have done their work."""
        self.unsettled -= number
        if self.unsettled <= 0:
            with suppress(QueueDown):
                services.marks.forget(self.name, self.epoch)


@dataclass(slots=True)
class LeaseGuard:
    """Lets letters of a lease leave while it lasts, each with its mark; keeps back what a forgotten try has marked.

    `permitted` is when they got their permits (monotonic, seconds): how late they leave, the limiter has to know.
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
        """Mark notices that are about to leave; gives those that must not.

        Raises what keeps all of them from it: `LeaseOver`, or that the marks are gone or away.
        """
        if self.is_over():
            raise LeaseOver
        departures = [self._departures[tag] for tag in tags]
        forgotten = self.services.marks.leave(self.lease.name, self.lease.epoch, departures)
        for notice, witness in forgotten.items():
            self._doubts[notice] = Uncertain(FORGOTTEN, earlier=EarlierTry(witness.tag, witness.seconds_ago))
        return forgotten

    def is_over(self) -> bool:
        """Whether nothing more of it may leave. Asked of each letter just before it does."""
        self._left = time.monotonic()
        return self.lease.deadline.has_come()

    def lateness(self) -> float | None:
        """By how many seconds the last letter left after its permit; None where that is no news."""
        late = self._left - self.permitted
        if late <= self._told:
            return None
        self._told = late
        return late

    def doubt(self, notice: int) -> Uncertain | None:
        """What to make of a notice that a forgotten try has marked; None for any other."""
        return self._doubts.get(notice)
