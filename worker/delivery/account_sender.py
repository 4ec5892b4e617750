"""The state of one OA in the pump: whether it has work, what it may claim now, and how much of it is in flight."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from domain.flow import Flow
from domain.lane import Lane
from worker.channels.channel import Ready
from worker.delivery.deliver import Batch, first_lane, load_batch, ready_channels
from worker.services.bootstrap import Services

_TRUSTED_SECONDS = 0.25  # the state of channels and lanes is cached this long: a flood need not query for each batch
_LONG_SECONDS = 15.0  # an OA that has to wait longer goes idle until a bell wakes it
_HELP_SECONDS = 0.2  # minimum time between two calls for help, at the start of a flood
_HELP_RARELY_SECONDS = 1.6  # the same later: whoever is free has come by then, and each call costs every process
_GROUPS = 3  # the next claim requires this fraction of the window (1/3) to be free

Readiness = dict[str, Ready]


@dataclass
class AccountSender:
    """Claims batches for one OA and counts its notices in flight. Not thread-safe: for the pump's thread only.

    `call_help` is called if there is more than one batch of work, `wake` when a check in the background is done.
    """

    services: Services
    oa: str
    beside: Executor
    wake: Callable[[], None]
    call_help: Callable[[], None] = lambda: None
    asked: bool = False  # work was announced
    flying: int = 0
    flow: Flow = field(init=False)
    _rest_until: float = 0.0  # monotonic, like all times here
    _looking: Future[Readiness] | None = None
    _ready: Readiness = field(default_factory=dict)
    _ready_until: float = 0.0
    _lane: Lane | None = None
    _lane_until: float = 0.0
    _helped_at: float = 0.0
    _help_seconds: float = _HELP_SECONDS

    def __post_init__(self) -> None:
        self.flow = Flow(self.services.settings.zalo_connections)

    def ask(self) -> None:
        """Note that there is work. This ends a rest: the work may be in a higher lane than the resting backlog."""
        if not self.asked:
            self._help_seconds = _HELP_SECONDS
            if not self._is_looking:
                self._looking = None  # an old result does not describe the present state
        self.asked = True
        self._rest_until, self._lane = 0.0, None

    @property
    def busy(self) -> bool:
        """Whether there is work to do, a check under way, or a notice in flight."""
        return self.asked or self.flying > 0 or self._is_looking

    @property
    def _is_looking(self) -> bool:
        return self._looking is not None and not self._looking.done()

    def waits(self, now: float, free: int) -> float:
        """Seconds until a claim makes sense with `free` connections; infinite if another event must come first."""
        if not self.asked or self._is_looking or self._space(free) == 0:
            return math.inf
        return max(0.0, self._rest_until - now)

    def claim(self, free: int) -> Batch | None:
        """Claim the next batch, at most what the wire, the flow and the limit allow now; None if there is none now."""
        now, space = time.monotonic(), self._space(free)
        if not self.asked or now < self._rest_until or space == 0:
            return None
        ready = self._readiness(now)
        if ready is None:
            return None
        remembered = self._lane if now < self._lane_until else None
        lane = remembered if remembered is not None else self._first_lane(now, ready)
        if lane is None:
            self.asked = False
            return None
        return self._claim(lane, ready, space, sure=remembered is None)

    def _space(self, free: int) -> int:
        """How many more may be in flight. A flood waits until a third of its window is free: claims are costly."""
        space = min(free, self.flow.window - self.flying)
        return space if space > 0 and (space >= self.flow.window // _GROUPS or not self.flying) else 0

    def renew(self, renewal: Callable[[], None]) -> None:
        """Renew the access that the server refused, in the background; nothing is claimed until that is done."""
        self._ready_until = 0.0
        self._look_beside(renewal)

    def _readiness(self, now: float) -> Readiness | None:
        """The channels that can send; None while the check is under way.

        The check may request a token from Zalo, so it runs in the background and delays no other OA.
        """
        if now < self._ready_until:
            return self._ready
        if self._looking is None:
            self._look_beside()
        if self._looking is None or self._is_looking:
            return None
        looked, self._looking = self._looking, None
        self._ready, self._ready_until = looked.result(), now + _TRUSTED_SECONDS
        return self._ready

    def _look_beside(self, first: Callable[[], None] = lambda: None) -> None:
        def look() -> Readiness:
            first()
            return ready_channels(self.services)

        self._looking = self.beside.submit(look)
        self._looking.add_done_callback(lambda _: self.wake())

    def _first_lane(self, now: float, ready: Readiness) -> Lane | None:
        self._lane = first_lane(self.services) if ready else None
        self._lane_until = now + _TRUSTED_SECONDS
        return self._lane

    def _claim(self, lane: Lane, ready: Readiness, most: int, *, sure: bool) -> Batch | None:
        room = self.services.limiter.peek(self.services.limits(self.oa), most, lane=lane)
        if room.granted == 0:
            self._rest_until = time.monotonic() + room.wait_seconds
            self.asked = room.wait_seconds <= _LONG_SECONDS
            return None
        batch = load_batch(self.services, lane, ready, room.granted)
        if batch.claimed == room.granted:
            self._help()
        else:
            self._lane = None  # it is empty, or other workers hold its notices: look for the next one
            self.asked = batch.claimed > 0 or not sure
        return batch

    def _help(self) -> None:
        now = time.monotonic()
        if now - self._helped_at >= self._help_seconds:
            self._helped_at, self._help_seconds = now, min(2 * self._help_seconds, _HELP_RARELY_SECONDS)
            self.beside.submit(self.call_help)  # in the background: a silent broker must not block the pump
