"""The volume guard: keep back events that cannot be a day's work until a person has looked (a pure decision).

own time older than HCC_OLD_EVENT_DAYS when first seen            kept back, not counted
beyond HCC_GUARD_NOTICES new notices of an OA in ten minutes      kept back, counted
after the start, until each feed was read to its end once         neither judged nor counted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(minutes=10)
"""The period over which new notices of an OA are counted."""

OLD, MANY = "old", "many"
"""The causes, as stored and as shown in metrics."""

EVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VolumeGuard:
    """How old an event may be when first seen (days), and how many notices are a day's work; 0 switches off."""

    old_days: float = 30
    most: int = 10_000

    @property
    def too_old(self) -> str:
        """The reason of events that are kept back for their age."""
        return f"older than {self.old_days:g} days when it was first seen"

    @property
    def too_many(self) -> str:
        """The reason of events that are kept back for their number."""
        return f"more than {self.most} new notices within {WINDOW.total_seconds() / 60:.0f} minutes"


OFF = VolumeGuard(0, 0)
"""Keeps nothing back."""


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """The keys of the events to keep back, by cause; `counted`: how many events (without the old ones) are counted."""

    old: frozenset[str] = field(default_factory=frozenset)
    many: frozenset[str] = field(default_factory=frozenset)
    counted: int = 0


def judge(
    guard: VolumeGuard,
    own_times: Sequence[tuple[str, datetime]],
    *,
    now: datetime,
    so_far: int,
    free_since: datetime | None,
) -> GuardVerdict:
    """Decide which new events are kept back: (key, its own time in UTC), in the order in which they are to be told.

    `so_far`: how many were new within the `WINDOW` before. `free_since`: events at or after it are not judged while a
    first start is not over; None afterwards.
    """
    judged = [(key, at) for key, at in own_times if free_since is None or at < free_since]
    oldest = now - timedelta(days=guard.old_days) if guard.old_days else EVER
    old = frozenset(key for key, at in judged if at < oldest)
    news = [key for key, _ in judged if key not in old]
    room = max(0, guard.most - so_far) if guard.most else len(news)
    return GuardVerdict(old, frozenset(news[room:]), len(news))
