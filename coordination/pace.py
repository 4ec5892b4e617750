"""The arithmetic of a shared limit: no 60 seconds exceed the limit, and almost none of it is wasted.

Zalo refuses calls that exceed its count of the last minute. The latency between our grant and Zalo's clock may be 0.3 s
longer for one call than for the next. So we keep the limit in every `WINDOW_SECONDS` = 60 + 0.3 s of our own clock:
then no 60 s of Zalo's clock contain more, and 60 / 60.3 = 99.5 % of the limit are used.

Between a permit and its call our own process may have to wait for a core. If a call left later than `PUNCTUAL_SECONDS`
after its permit, its worker reports that, and for two minutes the window is longer by the same time. The report comes
in time: a late call can exceed only the minute after its permit, and the report is made at its answer.

Two checks, both in `limits.lua`, let a permit out:

* the window: a log of the grants of the last 60.3 s; their sum never exceeds the limit L. This check is exact.
* the pace (GCRA): one permit each `gap` = 60.3 s / L, with a burst of the permits of `BURST_SECONDS` plus one:
  15 permits at 600 a minute, 100 at 4,000, one (1.15) at 6, whose permits are thus spaced evenly.

Why both. The window alone would let out a whole minute's permits at once, and after a loss of the log it would have
to stay shut for a whole minute. The pace makes a loss cheap. In a window that contains the loss, the pace let out fewer
than 1 + (x + burst) / gap permits in the last x seconds before it. After the loss it begins 'in debt' by one burst, so
in y seconds it lets out at most (y - burst) / gap. With x + y = 60.3 s both together stay below 1 + 60.3 / gap = 1 + L:
at most L, however often state is lost. A loss costs `BURST_SECONDS`, not a minute. The pace alone (the usual form of
GCRA) would exceed L by one burst in the minute after an idle time, or would have to be slower by as much all day.

State may also be lost in part: a server evicts keys, or somebody deletes one. Then this limit alone begins a new life,
in debt as above, so the same sum holds for it:

* Its log is gone while its permits are still counted. They would never leave the sum again.
* Its state is gone within two windows of its last use, which the life remembers (`at:`). Its log may be full, and
  without the pace that filled it a fresh burst would be added. After that time the state expires by itself.

Unused permits remain available for the length of the burst, so a shorter stall of all workers costs nothing. A longer
burst tolerates longer stalls but makes a loss of state more expensive: sending resumes 1.5 s after a flush. The burst
is this long because notices come in waves, one per poll: at 50 a second and a poll every two seconds, a hundred at
once. Most of those that the pace delayed would wait needlessly, since the minute has room for them.

If no permits are left, the caller is asked to return when the next `SLICE_SECONDS` have brought some. If a wave is a
little larger than the burst, the rest is late by one slice. With a shorter slice a flood would be claimed in ones and
twos.

Two edge cases. Under a very low limit the bucket holds less than one permit; one is then granted on credit from a full
bucket. The window counts it, but if state is lost in the same minute, that minute may exceed the limit by one. A server
clock that is set forward empties the window early: one burst too many, once. One that is set back counts as a loss of
state.

Lanes: a lane gets only the permits above its reserve in the bucket of the pace. Under contention the higher lane is
served first, while a lane that is alone gets the full pace (the bucket level then stays at its reserve). Bulk sending
leaves most of the bucket untouched: the next wave of the daily flow leaves at once alongside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from domain.lane import Lane

WINDOW_SECONDS = 60.0 + 0.3
BURST_SECONDS = 1.5
SLICE_SECONDS = 0.2
PUNCTUAL_SECONDS = 0.15  # half of the allowed variation in latency; the other half is left for the network
LATEST_SECONDS = 20.0  # a later call has lost its lease before; the window is extended by at most this

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
    """The clock of the scripts: 0 selects Redis' own, so that the hosts' clocks do not matter."""
    return 0


def micros(seconds: float) -> int:
    """Convert seconds to the unit of the scripts: microseconds."""
    return round(seconds * 1_000_000)
