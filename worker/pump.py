"""The pump: carries batches of all OAs to the wire and their answers back, in one thread a process.

    hear who asks → claim, each OA in turn → let calls leave → take what landed → hand it to the clerk

The wire is refilled from the next batch rather than waiting for the slowest call of this one, and the next batch is
claimed while this one is in flight. An OA whose far side hangs holds its own calls and no others: it gets no more than
what is free of the connections, so that as much again is left for everybody else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from worker.aftermath import renew_access
from worker.answers import Answer
from worker.bootstrap import Services
from worker.clerk import Clerk
from worker.deliver import Shipment
from worker.ledger.away import AWAY, why_away
from worker.queue.connection import QueueDown
from worker.stream import Stream
from worker.wire.protocol import Call, Landed, NotSent, Reply, Result, Wire

log = logging.getLogger("hcc.deliver")

_TURN_SECONDS = 1.0  # the longest wait without a look around
_STUMBLED_SECONDS = 0.5
_BESIDE = 6  # looks at once; a thread is made when it is needed


class Pump:
    """Delivers for every OA that somebody asked for. `ask` and `stop` may be called by any thread, the rest by one."""

    def __init__(self, wire: Wire, *, shared: bool = False) -> None:
        """`shared` where several OAs are configured: none of them then takes all connections."""
        self._wire = wire
        self._shared = shared
        self._beside = ThreadPoolExecutor(_BESIDE, "beside the pump")
        self._asked: deque[tuple[Services, str, Callable[[], None]]] = deque()
        self._heard = threading.Event()
        self._stopping = False
        self._streams: dict[str, Stream] = {}
        self._shipments: dict[int, tuple[Stream, Shipment]] = {}  # by notice
        self._landed: deque[Landed] = deque()
        self._clerk = Clerk()

    def ask(self, services: Services, oa: str, call_help: Callable[[], None] = lambda: None) -> bool:
        """There is work for this OA: deliver until nothing of it may leave. `call_help` asks for another pump.

        Returns whether this one was at it already.
        """
        stream = self._streams.get(oa)
        at_it = stream is not None and stream.asked
        self._asked.append((services, oa, call_help))
        self._heard.set()
        self._wire.wake()
        return at_it

    def stop(self) -> None:
        """Claim nothing more; `run` ends when all that is in flight has landed and is recorded."""
        self._stopping = True
        self._heard.set()
        self._wire.wake()

    def run(self) -> None:
        """Turn until `stop`; asleep while nobody asks."""
        while not self._stopping or self._shipments or self._clerk.busy:
            if not self.busy:
                self._heard.wait()
            self._heard.clear()
            try:
                self.turn()
            except Exception:
                # Whatever it is, the pump is the only one of its process: what it held goes back when its lease ends.
                log.exception("the pump stumbled")
                time.sleep(_STUMBLED_SECONDS)
        self._beside.shutdown(cancel_futures=True)  # a renewal that is cut off would cost the grant

    @property
    def busy(self) -> bool:
        """Whether there is anything to do but wait for `ask`."""
        return bool(self._asked) or self._clerk.busy or any(stream.busy for stream in self._streams.values())

    def turn(self) -> None:
        """One turn: at most one batch of each OA, and whatever has landed by the end of it."""
        self._hear()
        for stream in self._in_turn():
            self._refill(stream)
        self._landed.extend(self._wire.landed(self._patience()))
        self._take_landed()
        for refused in self._clerk.work():
            renewal = partial(renew_access, refused.services, refused.oa, refused.channel, refused.ready)
            self._streams[refused.oa].renew(renewal)

    def _hear(self) -> None:
        while self._asked:
            services, oa, call_help = self._asked.popleft()
            stream = self._streams.get(oa)
            if stream is None:
                stream = self._streams[oa] = Stream(services, oa, self._beside, self._wire.wake)
            stream.call_help = call_help
            stream.ask()

    def _in_turn(self) -> list[Stream]:
        """Every OA once, each turn another one first."""
        for oa in list(self._streams)[:1]:
            self._streams[oa] = self._streams.pop(oa)
        return list(self._streams.values())

    def _refill(self, stream: Stream) -> None:
        if self._full:
            return
        try:
            batch = stream.claim(self._free(stream))
        except (QueueDown, *AWAY) as away:
            log.warning("claim put off oa=%s why=%s", stream.oa, why_away(away))
            stream.asked = False  # the next bell tries again
            return
        except Exception as error:
            stream.asked = False
            log.exception("claim failed oa=%s why=%s", stream.oa, type(error).__name__)
            return
        for shipment in batch.shipments if batch else ():
            self._depart(stream, shipment)

    def _free(self, stream: Stream) -> int:
        """Connections that this OA may take: where others share them, no more than then stay free for those."""
        room = self._wire.room
        return max(0, (room - stream.flying + 1) // 2) if self._shared else room

    def _depart(self, stream: Stream, shipment: Shipment) -> None:
        cargo = shipment.cargo
        for attempt in cargo.done:
            self._clerk.note(Answer(shipment, attempt))
        self._shipments.update({call.tag: (stream, shipment) for call in cargo.calls})
        stream.flying += len(cargo.calls)
        self._wire.start(cargo.calls, guard=cargo)

    def _take_landed(self) -> None:
        touched: dict[int, Shipment] = {}
        while self._landed:
            shipment = self._take(*self._landed.popleft())
            touched[id(shipment)] = shipment
        for shipment in touched.values():
            shipment.own_up()

    def _take(self, call: Call, result: Result) -> Shipment:
        stream, shipment = self._shipments.pop(call.tag)
        stream.flying -= 1
        _feel(stream, result)
        self._clerk.note(Answer(shipment, shipment.cargo.arrived(call, result)))
        return shipment

    def _patience(self) -> float:
        """How long nothing but an answer can give us something to do."""
        now = time.monotonic()
        waits = [] if self._full else [each.waits(now, self._free(each)) for each in self._streams.values()]
        return min([_TURN_SECONDS, self._clerk.waits(now), *waits])

    @property
    def _full(self) -> bool:
        """Whether nothing more is to be claimed."""
        return self._stopping or self._clerk.full


def _feel(stream: Stream, result: Result) -> None:
    """What this answer says about how much the far side bears."""
    if not isinstance(result, NotSent) or not result.held_back:
        stream.flow.landed(result.ms, answered=isinstance(result, Reply), flying=stream.flying + 1)
