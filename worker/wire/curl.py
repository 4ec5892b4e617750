"""The wire on libcurl: hundreds of concurrent calls in one thread, at a fraction of the CPU that `requests` needs.

docs/benchmarks has the figures. The guarantees are those of `protocol.Wire`; the tests are shared with the client on
`requests`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from functools import partial
from itertools import count
from time import monotonic

import certifi
import pycurl

from worker.wire.flight import Flight, Line, Plane, mark_all
from worker.wire.guard import Guard
from worker.wire.loop import Loop
from worker.wire.protocol import INVALID, NO_NAME, REFUSED, Call, Landed, NotSent, Result, Wire

_TOGETHER, _PARTS = 16, 4  # a group is 16 calls, or a quarter of the batch if that is more: see `_leave`
_TRIES = 3  # if certainly nothing left
_TRY_AGAIN_SECONDS = (0.05, 0.2)
_TRY_UNTIL_SECONDS = 0.5


class CurlWire(Wire):
    """Implements `Wire`. Create it after a fork; only `wake` is thread-safe.

    `timeout_seconds` bounds each call from connecting to the last byte of the response. With `retry_unsent`, a refused
    connection or a failed name look-up is retried twice within half a second, since nothing left. `ca_file` replaces
    the default certificate authorities; `proxy` is the URL of an HTTP proxy.
    """

    def __init__(
        self,
        timeout_seconds: float,
        connections: int = 200,
        *,
        retry_unsent: bool = True,
        ca_file: str | None = None,
        proxy: str = "",
    ) -> None:
        self._loop = Loop(connections)
        line = Line(timeout_seconds, ca_file or certifi.where(), proxy)
        self._new_plane = partial(Plane, line, self._loop.opened)
        self._connections = connections
        self._free: list[Plane] = []  # made on demand: an idle process has none
        self._flying: dict[pycurl.Curl, Plane] = {}
        self._grounded: list[Landed] = []
        self._again: list[tuple[float, int, Flight]] = []  # heap: due time (monotonic), tie-breaker, flight
        self._numbers = count()
        self._tries = _TRIES if retry_unsent else 1

    @property
    def room(self) -> int:
        return self._connections - len(self._flying) - len(self._again)

    @property
    def flying(self) -> int:
        return len(self._flying) + len(self._again) + len(self._grounded)

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        ready: list[Plane] = []
        for call in calls:
            plane, flight = self._plane(), Flight(call, guard)
            if plane.prepare(flight):
                ready.append(plane)
            else:
                self._put_down(plane, NotSent(INVALID, flight.ms))
        self._leave(ready)

    def landed(self, seconds: float) -> list[Landed]:
        """Drive the calls in flight; return the completed ones that are not retried."""
        now = monotonic()
        while self._again and self._again[0][0] <= now:
            _, _, flight = heapq.heappop(self._again)
            plane = self._plane()
            plane.prepare(flight)
            self._take_off([plane], fresh=True)
        wait = 0.0 if self._grounded else seconds
        if self._again:
            wait = min(wait, max(0.0, self._again[0][0] - now))
        ended = [self._touch_down(handle, code) for handle, code in self._loop.turn(wait)]
        grounded, self._grounded = self._grounded, []
        return grounded + [(flight.call, result) for flight, result in ended if not self._tries_again(flight, result)]

    def wake(self) -> None:
        self._loop.wake()

    def close(self) -> None:
        self._loop.close()
        while self._free:
            self._free.pop().handle.close()

    def _leave(self, ready: Sequence[Plane]) -> None:
        """Send each call on its own connection. Calls with a kept-alive connection are marked and sent in groups.

        A crash between the mark and the first bytes leaves the group in doubt. Small groups limit that number; large
        groups save marks, which cost time too.
        """
        fresh = self._loop.hung_up()
        at_once, connecting = ([], ready) if fresh else self._sorted(ready)
        together = max(_TOGETHER, len(at_once) // _PARTS)
        for first in range(0, len(at_once), together):
            group = at_once[first : first + together]
            mark_all([plane.flight for plane in group])
            for plane in group:
                if plane.flight.held:
                    self._put_down(plane, plane.held())
            self._take_off([plane for plane in group if not plane.flight.held], fresh=False)
        self._take_off(connecting, fresh=fresh)

    def _sorted(self, ready: Sequence[Plane]) -> tuple[list[Plane], list[Plane]]:
        """Split the planes into those with a kept-alive connection and those that must connect first."""
        at_once: list[Plane] = []
        connecting: list[Plane] = []
        kept: dict[str, int] = {}
        for plane in ready:
            if plane.host not in kept:
                kept[plane.host] = self._loop.kept(plane.host)
            kept[plane.host] -= 1
            (at_once if kept[plane.host] >= 0 else connecting).append(plane)
        return at_once, connecting

    def _plane(self) -> Plane:
        return self._free.pop() if self._free else self._new_plane()

    def _take_off(self, planes: Sequence[Plane], *, fresh: bool) -> None:
        for plane in planes:
            plane.handle.setopt(pycurl.FRESH_CONNECT, fresh)
            self._flying[plane.handle] = plane
            self._loop.add(plane.handle)
        self._loop.go()

    def _put_down(self, plane: Plane, result: NotSent) -> None:
        self._free.append(plane)
        self._grounded.append((plane.flight.call, result))

    def _touch_down(self, handle: pycurl.Curl, code: int) -> tuple[Flight, Result]:
        plane = self._flying.pop(handle)
        self._free.append(plane)
        return plane.flight, plane.result(code)

    def _tries_again(self, flight: Flight, result: Result) -> bool:
        """Schedule a retry if certainly nothing left; return whether one is scheduled."""
        if not (isinstance(result, NotSent) and result.why in {REFUSED, NO_NAME}):
            return False
        if flight.tries >= self._tries or flight.ms > _TRY_UNTIL_SECONDS * 1000:
            return False
        when = monotonic() + random.uniform(*_TRY_AGAIN_SECONDS)  # noqa: S311 (jitter, not security)
        heapq.heappush(self._again, (when, next(self._numbers), flight))
        return True
