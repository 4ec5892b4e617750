"""The wire on libcurl: hundreds of calls at once in one thread, at a small part of the CPU that `requests` needs.

docs/benchmarks has the figures. The promises are those of `protocol.Wire`, kept by the same tests as on `requests`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from time import monotonic

import certifi
import pycurl

from worker.wire.deadline import NO_NAME, REFUSED
from worker.wire.flight import INVALID, Flight, new_handle
from worker.wire.loop import Loop
from worker.wire.protocol import Call, NotSent, Result

_TRIES = 3  # where certainly nothing left
_TRY_AGAIN_SECONDS = (0.05, 0.2)
_TRY_UNTIL_SECONDS = 0.5
_GROUPS = 8  # of so many parts of the connections one has to be free before the next calls leave
_TURN_SECONDS = 1.0  # the longest wait without a look around


class CurlWire:
    """Implements `Wire`. To be made after a fork; for one thread, and one exchange at a time.

    `timeout_seconds` bounds each call from connecting to the last byte of the answer. With `retry_unsent`, a refused
    connection or a failed name look-up is tried twice more within half a second: nothing had left. `ca_file` replaces
    the usual certificate authorities.
    """

    def __init__(
        self,
        timeout_seconds: float,
        connections: int = 200,
        *,
        retry_unsent: bool = True,
        ca_file: str | None = None,
    ) -> None:
        self._loop = Loop(connections)
        trust = ca_file or certifi.where()
        self._free = [new_handle(timeout_seconds, trust, self._loop.opened) for _ in range(connections)]
        self._flying: dict[pycurl.Curl, Flight] = {}
        self._again: list[tuple[float, int, Flight]] = []  # heap: when (monotonic), a number, what
        self._numbers = count()
        self._tries = _TRIES if retry_unsent else 1
        self._few = max(1, connections // _GROUPS)

    def exchange(
        self, calls: Iterable[Call], *, leaving: Callable[[Sequence[int]], None] | None = None
    ) -> Iterator[tuple[Call, Result]]:
        """Carry the calls; they are drawn a few at a time, when connections are free for them."""
        coming = iter(calls)
        try:
            while True:
                for call, result in self._depart(coming, leaving):
                    yield call, result
                if not self._flying and not self._again:
                    return
                for flight, result in self._land():
                    yield flight.call, result
        finally:
            while self._flying:
                self._again.clear()
                self._land()
            self._again.clear()

    def close(self) -> None:
        """Close every connection. Nothing may be in flight."""
        self._loop.close()
        while self._free:
            self._free.pop().close()

    def _depart(
        self, coming: Iterator[Call], leaving: Callable[[Sequence[int]], None] | None
    ) -> list[tuple[Call, Result]]:
        """Let calls go while there is room; gives those that cannot, with the reason."""
        grounded: list[tuple[Call, Result]] = []
        while (room := self._room()) and (flights := [Flight(call) for call in islice(coming, room)]):
            fresh = self._loop.hung_up()
            ready: list[tuple[Flight, pycurl.Curl]] = []
            for flight, handle in zip(flights, self._free[-len(flights) :], strict=True):
                if flight.prepare(handle, fresh=fresh):
                    ready.append((flight, handle))
                else:
                    grounded.append((flight.call, NotSent(INVALID, flight.ms)))
            held = _held_back(leaving, [flight for flight, _ in ready])
            if held is not None:
                grounded += [(flight.call, NotSent(held, flight.ms, held_back=True)) for flight, _ in ready]
                continue
            for flight, handle in ready:
                self._free.remove(handle)
                self._take_off(flight, handle)
        return grounded

    def _room(self) -> int:
        """How many calls may leave now: all that have a connection, but not one by one (each group costs a mark)."""
        room = len(self._free) - len(self._again)
        return room if room >= self._few or not self._flying else 0

    def _take_off(self, flight: Flight, handle: pycurl.Curl) -> None:
        self._flying[handle] = flight
        self._loop.add(handle)

    def _land(self) -> list[tuple[Flight, Result]]:
        """Move what is in the air; those that came to an end, and are not worth another try."""
        now = monotonic()
        while self._again and self._again[0][0] <= now:
            _, _, flight = heapq.heappop(self._again)
            handle = self._free.pop()
            flight.prepare(handle, fresh=True)
            self._take_off(flight, handle)
        wait = max(0.0, self._again[0][0] - now) if self._again else _TURN_SECONDS
        landed = [self._touch_down(handle, code) for handle, code in self._loop.turn(wait)]
        return [(flight, result) for flight, result in landed if not self._tries_again(flight, result)]

    def _touch_down(self, handle: pycurl.Curl, code: int) -> tuple[Flight, Result]:
        flight = self._flying.pop(handle)
        self._free.append(handle)
        return flight, flight.result(handle, code)

    def _tries_again(self, flight: Flight, result: Result) -> bool:
        """Whether it will be tried once more in a moment: certainly nothing had left."""
        if not (isinstance(result, NotSent) and result.why in {REFUSED, NO_NAME}):
            return False
        if flight.tries >= self._tries or flight.ms > _TRY_UNTIL_SECONDS * 1000:
            return False
        when = monotonic() + random.uniform(*_TRY_AGAIN_SECONDS)  # noqa: S311 (spreads load, guards nothing)
        heapq.heappush(self._again, (when, next(self._numbers), flight))
        return True


def _held_back(leaving: Callable[[Sequence[int]], None] | None, flights: Sequence[Flight]) -> str | None:
    """Why these may not leave; None where they may."""
    if leaving is None or not flights:
        return None
    try:
        leaving([flight.call.tag for flight in flights])
    except Exception as error:  # noqa: BLE001 (whatever it is: what could not be noted does not leave)
        return f"held back: {type(error).__name__}"
    return None
