"""The volume guard: what cannot be a day's work is kept back until a person has looked (a pure decision).

own time older than HCC_OLD_EVENT_DAYS when first seen            kept back, not counted
beyond HCC_GUARD_NOTICES new notices of an OA in ten minutes      kept back, counted
after the start, until each feed was read to its end once         neither judged nor counted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(minutes=10)
"""For how long new notices of an OA are added up."""

OLD, MANY = "old", "many"
"""The causes, as they are stored and as metrics show them."""

EVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Guard:
    """How old an event may be when it is first seen (days), how many notices are a day's work; 0 switches off."""

    old_days: float = 30
    most: int = 10_000

    @property
    def too_old(self) -> str:
        """The reason of what is kept back for its age."""
        return f"older than {self.old_days:g} days when it was first seen"

    @property
    def too_many(self) -> str:
        """The reason of what is kept back for the number."""
        return f"more than {self.most} new notices within {WINDOW.total_seconds() / 60:.0f} minutes"


OFF = Guard(0, 0)
"""Keeps nothing back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """By key why an event is kept back, by cause; `counted` of the others belong to the window."""

    old: frozenset[str] = field(default_factory=frozenset)
    many: frozenset[str] = field(default_factory=frozenset)
    counted: int = 0


def judge(
    guard: Guard, own_times: Sequence[tuple[str, datetime]], *, now: datetime, so_far: int, free_since: datetime | None
) -> Verdict:
    """What of these new events is kept back: (key, its own time in UTC), in the order in which they are to be told.

    `so_far`: how many were new within `WINDOW` before. `free_since`: what happened at it or later is free, since a
    first start is not over; None afterwards.
    """
    judged = [(key, at) for key, at in own_times if free_since is None or at < free_since]
    oldest = now - timedelta(days=guard.old_days) if guard.old_days else EVER
    old = frozenset(key for key, at in judged if at < oldest)
    news = [key for key, _ in judged if key not in old]
    room = max(0, guard.most - so_far) if guard.most else len(news)
    return Verdict(old, frozenset(news[room:]), len(news))
