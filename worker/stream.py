"""One OA in the pump: whether it is asked for, what it may claim now, and how much of it is in flight."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from worker.bootstrap import Services
from worker.channels.channel import Ready
from worker.deliver import Batch, first_lane, load_batch, ready_channels
from worker.domain.flow import Flow
from worker.domain.lane import Lane

_TRUSTED_SECONDS = 0.25  # so long a look at the channels and the lanes holds: a flood need not ask before each batch
_LONG_SECONDS = 15.0  # who has to wait for longer is woken by a bell
_HELP_SECONDS = 0.2  # between two calls for help
_GROUPS = 3  # of so many parts of the window one has to be free before the next claim

Readiness = dict[str, Ready]


@dataclass
class Stream:
    """The notices of one OA on their way; used by the pump's thread alone.

    `call_help` is called where there is more than one batch, `wake` when a look beside the pump is over.
    """

    services: Services
    oa: str
    beside: Executor
    wake: Callable[[], None]
    call_help: Callable[[], None] = lambda: None
    asked: bool = False  # somebody says that there is work
    flying: int = 0
    flow: Flow = field(init=False)
    _rest_until: float = 0.0  # monotonic, as all times here
    _looking: Future[Readiness] | None = None
    _ready: Readiness = field(default_factory=dict)
    _ready_until: float = 0.0
    _lane: Lane | None = None
    _lane_until: float = 0.0
    _helped_at: float = 0.0

    def __post_init__(self) -> None:
        self.flow = Flow(self.services.settings.zalo_connections)

    def ask(self) -> None:
        """Somebody says that there is work: perhaps of a higher lane, which need not rest while a backlog has to."""
        if not self.asked and not self._is_looking:
            self._looking = None  # what was found out then says nothing of now
        self.asked = True
        self._rest_until, self._lane = 0.0, None

    @property
    def busy(self) -> bool:
        """Whether something is to be done, is being looked at, or is in flight."""
        return self.asked or self.flying > 0 or self._is_looking

    @property
    def _is_looking(self) -> bool:
        return self._looking is not None and not self._looking.done()

    def waits(self, now: float, free: int) -> float:
        """Seconds until a claim makes sense with so many connections free; infinite where something must come first."""
        if not self.asked or self._is_looking or self._space(free) == 0:
            return math.inf
        return max(0.0, self._rest_until - now)

    def claim(self, free: int) -> Batch | None:
        """The next batch, no larger than the wire, the flow and the limit let out now; None where there is none now."""
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
        """How many may join those in flight. A flood waits until a good part of its window is free: claims cost."""
        space = min(free, self.flow.window - self.flying)
        return space if space > 0 and (space >= self.flow.window // _GROUPS or not self.flying) else 0

    def renew(self, renewal: Callable[[], None]) -> None:
        """The far side refused our access: nothing is claimed until it has been renewed, beside the pump."""
        self._ready_until = 0.0
        self._look_beside(renewal)

    def _readiness(self, now: float) -> Readiness | None:
        """The channels that can send; None while that is being found out.

        Finding out may mean to ask Zalo for a token, and no other OA has to wait for that.
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
            return ready_channels(self.services, self.oa)

        self._looking = self.beside.submit(look)
        self._looking.add_done_callback(lambda _: self.wake())

    def _first_lane(self, now: float, ready: Readiness) -> Lane | None:
        self._lane = first_lane(self.services, self.oa) if ready else None
        self._lane_until = now + _TRUSTED_SECONDS
        return self._lane

    def _claim(self, lane: Lane, ready: Readiness, most: int, *, sure: bool) -> Batch | None:
        room = self.services.limiter.peek(self.services.limits(self.oa), most, lane=lane)
        if room.granted == 0:
            self._rest_until = time.monotonic() + room.wait_seconds
            self.asked = room.wait_seconds <= _LONG_SECONDS
            return None
        batch = load_batch(self.services, self.oa, lane, ready, room.granted)
        if batch.claimed == room.granted:
            self._help()
        else:
            self._lane = None  # it is empty, or others are at it: look for the next one
            self.asked = batch.claimed > 0 or not sure
        return batch

    def _help(self) -> None:
        now = time.monotonic()
        if now - self._helped_at >= _HELP_SECONDS:
            self._helped_at = now
            self.beside.submit(self.call_help)  # a broker that is silent must not hold up the pump
