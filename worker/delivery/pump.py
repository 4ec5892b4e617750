"""The pump: carries batches of all OAs to the wire and their answers back, in one thread per process.

    accept requests → claim, each OA in turn → start calls → take completed calls → pass them to the result writer

The next batch is claimed while the current one is in flight. It refills the wire without waiting for the slowest call
of the current batch. If an OA's server hangs, only that OA's calls are blocked: with several OAs, one OA may use only
as many connections as then stay free for the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from coordination.connection import QueueDown
from ledger.base.away import AWAY, why_away
from worker.delivery.account_sender import AccountSender
from worker.delivery.completion import CompletedAttempt
from worker.delivery.deliver import OutboundBatch
from worker.delivery.feedback import renew_access
from worker.delivery.results import ResultWriter
from worker.services.bootstrap import Services
from worker.wire.protocol import Call, Landed, NotSent, Reply, Result, Wire

log = logging.getLogger("hcc.deliver")

_TURN_SECONDS = 1.0  # maximum wait per turn
_STUMBLED_SECONDS = 0.5
_BESIDE = 6  # maximum concurrent background checks; threads are started on demand


class Pump:
    """Delivers for every OA that was asked for. `ask` and `stop` are thread-safe, the rest is for one thread only."""

    def __init__(self, wire: Wire, *, shared: bool = False) -> None:
        """Set `shared` if several OAs are configured: then none of them takes all connections."""
        self._wire = wire
        self._shared = shared
        self._beside = ThreadPoolExecutor(_BESIDE, "beside the pump")
        self._asked: deque[tuple[Services, str, Callable[[], None]]] = deque()
        self._heard = threading.Event()
        self._stopping = False
        self._streams: dict[str, AccountSender] = {}
        self._outbound: dict[int, tuple[AccountSender, OutboundBatch]] = {}  # by notice
        self._landed: deque[Landed] = deque()
        self._clerk = ResultWriter()

    def ask(self, services: Services, oa: str, call_help: Callable[[], None] = lambda: None) -> bool:
        """Deliver for this OA until none of its notices may leave now. `call_help` asks for another pump.

        Returns whether this pump was already delivering for it.
        """
        stream = self._streams.get(oa)
        at_it = stream is not None and stream.asked
        self._asked.append((services, oa, call_help))
        self._heard.set()
        self._wire.wake()
        return at_it

    def stop(self) -> None:
        """Claim nothing more; `run` ends when all calls in flight have landed and are recorded."""
        self._stopping = True
        self._heard.set()
        self._wire.wake()

    def run(self) -> None:
        """Run turns until `stop`; sleep while there is no work."""
        while not self._stopping or self._outbound or self._clerk.busy:
            if not self.busy:
                self._heard.wait()
            self._heard.clear()
            try:
                self.turn()
            except Exception:
                # Continue after any error: this is the process's only pump. Its notices return as their lease expires.
                log.exception("the pump stumbled")
                time.sleep(_STUMBLED_SECONDS)
        self._beside.shutdown(cancel_futures=True)  # waits for renewals: an interrupted one would lose the grant

    @property
    def busy(self) -> bool:
        """Whether there is anything to do other than wait for `ask`."""
        return bool(self._asked) or self._clerk.busy or any(stream.busy for stream in self._streams.values())

    def turn(self) -> None:
        """One turn: start at most one batch of each OA, and process the calls that have landed by its end."""
        self._hear()
        for stream in self._in_turn():
            self._refill(stream)
        self._landed.extend(self._wire.landed(self._patience()))
        self._take_landed()
        for refused in self._clerk.work():
            renewal = partial(renew_access, refused.services, refused.channel, refused.ready)
            self._streams[refused.services.oa].renew(renewal)

    def _hear(self) -> None:
        while self._asked:
            services, oa, call_help = self._asked.popleft()
            stream = self._streams.get(oa)
            if stream is None:
                stream = self._streams[oa] = AccountSender(services, oa, self._beside, self._wire.wake)
            stream.call_help = call_help
            stream.ask()

    def _in_turn(self) -> list[AccountSender]:
        """Every OA once, starting with a different one each turn."""
        for oa in list(self._streams)[:1]:
            self._streams[oa] = self._streams.pop(oa)
        return list(self._streams.values())

    def _refill(self, stream: AccountSender) -> None:
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
        for outbound in batch.outbound if batch else ():
            self._depart(stream, outbound)

    def _free(self, stream: AccountSender) -> int:
        """Connections that this OA may take; with several OAs, at most as many as then stay free for the others."""
        room = self._wire.room
        return max(0, (room - stream.flying + 1) // 2) if self._shared else room

    def _depart(self, stream: AccountSender, outbound: OutboundBatch) -> None:
        cargo = outbound.cargo
        for attempt in cargo.done:
            self._clerk.note(CompletedAttempt(outbound, attempt))
        self._outbound.update({call.tag: (stream, outbound) for call in cargo.calls})
        stream.flying += len(cargo.calls)
        self._wire.start(cargo.calls, guard=cargo)

    def _take_landed(self) -> None:
        touched: dict[int, OutboundBatch] = {}
        while self._landed:
            outbound = self._take(*self._landed.popleft())
            touched[id(outbound)] = outbound
        for outbound in touched.values():
            outbound.report_lateness()

    def _take(self, call: Call, result: Result) -> OutboundBatch:
        stream, outbound = self._outbound.pop(call.tag)
        stream.flying -= 1
        _feel(stream, result)
        self._clerk.note(CompletedAttempt(outbound, outbound.cargo.arrived(call, result)))
        return outbound

    def _patience(self) -> float:
        """Seconds to wait for answers before other work is due."""
        now = time.monotonic()
        waits = [] if self._full else [each.waits(now, self._free(each)) for each in self._streams.values()]
        return min([_TURN_SECONDS, self._clerk.waits(now), *waits])

    @property
    def _full(self) -> bool:
        """Whether claims are suspended."""
        return self._stopping or self._clerk.full


def _feel(stream: AccountSender, result: Result) -> None:
    """Report a result to the OA's flow, which adapts to the load that the server can take; ignore kept-back calls."""
    if not isinstance(result, NotSent) or not result.held_back:
        stream.flow.landed(result.ms, answered=isinstance(result, Reply), flying=stream.flying + 1)
