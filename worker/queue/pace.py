"""The arithmetic of a shared limit: no 60 seconds with more than the limit, and next to none of it wasted.

Zalo refuses what exceeds its count of the last minute. Between our grant and its clock lies the way there, which
takes 0.3 s more for one call than for the next. So we keep the limit in every `WINDOW_SECONDS` = 60 + 0.3 s of our
own clock: then no 60 s of Zalo's hold more, and 60 / 60.3 = 99.5 % of the limit are used.

Between a permit and its call lies our own process, which may have to wait for a core. Who finds that a call left later
than `PUNCTUAL_SECONDS` after its permit says so, and for two minutes the window is longer by as much. That is in time:
what a late call exceeds is the minute after its permit, and it says so at its answer.

Two checks, both in `limits.lua`, let a permit out:

* the window: a log of the grants of the last 60.3 s; their sum never exceeds the limit L. This one is exact.
* the pace (GCRA): one permit each `gap` = 60.3 s / L, with a burst of what `BURST_SECONDS` let out, and one more:
  15 permits at 600 a minute, 100 at 4,000, one (1.15) at 6, whose permits so are spaced evenly.

Why both. The window alone would let out a whole minute's permits at once, and after a loss of the log it would have
to stay shut for a whole minute. The pace makes forgetting cheap. Within any window that ends at the loss, the pace let
out fewer than 1 + (x + burst) / gap permits in the last x seconds; after it, it begins 'in debt' by one burst, so in
y seconds it lets out at most (y - burst) / gap. With x + y = 60.3 s both together stay below 1 + 60.3 / gap = 1 + L: at
most L, however often state is lost. A loss costs `BURST_SECONDS`, not a minute. The pace alone (as GCRA is mostly
used) would exceed L by one burst in the minute after an idle time, or have to run slower by as much all day.

State may also be lost in part: a server evicts keys, or a hand deletes one. Then this limit alone begins a new life, in
debt as above, so the same sum holds for it:

* Its log is gone while permits are counted that stood in it. Those would never leave the sum again.
* Its state is gone within two windows of its last use, which the life remembers (`at:`). Its log may be full, and
  without the pace that filled it a fresh burst would come on top. After that time the state expires by itself.

What nobody asked for in time is still there for as long as the burst: a shorter stall of all workers costs nothing.
A longer burst forgives longer stalls, and makes forgetting dearer: sending begins again 1.5 s after a flush. So long,
because notices come in waves, one a poll: at 50 a second and a poll each two seconds a hundred at once, and most of
those who would have to wait for the pace would wait for nothing, as the minute has room for them.

Who finds none left is told to come back when the next `SLICE_SECONDS` have brought some. Of a wave that is a little
larger than the burst, the rest is late by so much; a shorter slice would have a flood claimed in ones and twos.

Two edges. A call that weighs more than the bucket holds goes on credit from a full one: the window counts it in full,
but should state be lost in the same minute, that minute may hold its weight too many. And a server's clock that is set
forward empties the window before its time: one burst too many, once. One that is set back counts as a loss of state.

Lanes: a lane is granted only what lies above its reserve in the bucket of the pace, so that under contention the higher
lane drinks first, while a lane that is alone gets the full pace (the bucket then stands at its reserve, no lower). What
drains in bulk leaves most of the bucket alone: the next wave of the daily flow leaves at once beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from worker.domain.lane import Lane

WINDOW_SECONDS = 60.0 + 0.3
BURST_SECONDS = 1.5
SLICE_SECONDS = 0.2
PUNCTUAL_SECONDS = 0.15  # half of what the way there may take; the other half is left for the way
LATEST_SECONDS = 20.0  # a call that is later is lost to its lease before; no window is longer than by this

RESERVE_SECONDS = {Lane.INTERACTIVE: 0.0, Lane.SERVICE: 0.05, Lane.BULK: 1.15}  # kept back for the lanes above


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `per_minute` calls in any 60 seconds by all who share `key`, e.g. `app:<id>` or `oa:<id>`."""

    key: str
    per_minute: int

    def __post_init__(self) -> None:
        if self.per_minute < 1:
            raise ValueError(f"the limit of {self.key!r} is {self.per_minute} a minute: it must be at least 1")


Clock: TypeAlias = Callable[[], int]


def servers_clock() -> int:
    """The clock of the scripts: 0 asks for Redis' own, so that the hosts' clocks do not matter."""
    return 0


def micros(seconds: float) -> int:
    """Redis' own unit of time: microseconds."""
    return round(seconds * 1_000_000)
