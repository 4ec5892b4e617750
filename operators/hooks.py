"""`POST /hooks/zalo`: Zalo's events, answered 200 once they are in the ledger and not before.

Zalo waits two seconds and comes again for an hour after anything but 200. What is not from Zalo, not for us or not of
now is refused with 4xx, and nothing of it is kept: a log line has the reason and no more.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from config.seldom import Seldom
from producers.hooks.admit import Arrived, Fault, Keys, Probe, Refused, admit_among
from producers.hooks.read import ZaloEvent
from producers.hooks.record import Recorder, seal
from producers.hooks.words import Word
from worker.bootstrap import Services
from worker.ledger.away import why_away
from worker.ledger.engine import open_ledger
from worker.queue.bell import ring_events

log = logging.getLogger("hcc.hooks")

LONGEST = 64 * 1024  # bytes; the longest documented event is a text of 2,000 characters
_READ_SECONDS = 1.0  # a body that takes longer is not Zalo's
_WRITE_SECONDS = 1.8  # then Zalo, which waits two seconds, had better come again
_GONE_SECONDS = 5.0  # a write that takes longer is given up
_RING_SECONDS = 0.1  # between two bells
_LOGGED_SECONDS = 5.0  # one line a reason in this time: who forges must not fill the disk
_PROBE_BYTES = 1024  # Zalo's probe of an address is the empty object: nothing much longer comes unsigned
_SIGNATURE = re.compile(r"\s*(?:mac=)?[0-9a-fA-F]{64}\s*", re.ASCII)


class Broken(StrEnum):
    """A body that did not come as a whole."""

    HUGE = "too large"
    SLOW = "too slow"
    GARBLED = "garbled"
    PACKED = "compressed"


_STATUS = {Broken.HUGE: 413, Broken.SLOW: 408, Broken.GARBLED: 400, Broken.PACKED: 415}


class Doorman:
    """Lets events in; one for the life of the web process."""

    def __init__(self, keyring: Sequence[Keys], recorder: Recorder) -> None:
        self._keyring = keyring
        self._recorder = recorder
        self._seldom = Seldom(_LOGGED_SECONDS)
        self.registry = CollectorRegistry()
        self._events = Counter(
            "hcc_zalo_events", "Zalo's events by our word and outcome", ["word", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "hcc_zalo_event_seconds",
            "From the whole body to the answer",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2),
            registry=self.registry,
        )

    async def post(self, request: web.Request) -> web.Response:
        """One event."""
        body = _fault_of_head(request) or await _body(request)
        if isinstance(body, Fault):
            return self._refuse(body, 403)
        if isinstance(body, Broken):
            return self._refuse(body, _STATUS[body])
        began = time.monotonic()
        oa, admitted = admit_among(_arrived(request, body), self._keyring, datetime.now(UTC))
        match admitted:
            case Probe():
                self._events.labels("none", "probe").inc()
                return web.Response(text="ok\n")
            case Refused(fault):
                return self._refuse(fault, 400 if fault is Fault.MALFORMED else 403)
        answer = await self._record(oa, admitted)
        self._seconds.observe(time.monotonic() - began)
        return answer

    async def _record(self, oa: str, event: ZaloEvent) -> web.Response:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                new = await self._recorder.record(oa, event)
        except Exception as fault:  # noqa: BLE001 (whatever it is: it is not recorded for certain, so Zalo must come again)
            self._events.labels(event.word, "not recorded").inc()
            self._log(logging.ERROR, f"not recorded: {why_away(fault)}")
            return web.Response(status=503)
        self._events.labels(event.word, "recorded" if new else "repeated").inc()
        if new and event.word in (Word.UNKNOWN, Word.ODD):
            self._log(logging.WARNING, f"without consequences, `hcc doctor` names it: word={event.word}")
        return web.Response(text="ok\n")

    def _refuse(self, why: str, status: int) -> web.Response:
        self._events.labels("none", why).inc()
        loud = logging.ERROR if why == Fault.NO_SECRET else logging.WARNING
        self._log(loud, f"refused: {why}" + (": set HCC_ZALO_OA_SECRET" if why == Fault.NO_SECRET else ""))
        return web.Response(status=status)

    def _log(self, level: int, what: str) -> None:
        """Once a kind and while; `what` is of a closed set."""
        if number := self._seldom.may(what):
            log.log(level, "event %s number=%d", what, number)

    def metrics(self) -> bytes:
        """How many events came, and what became of them."""
        return generate_latest(self.registry)


def open_door(every: Sequence[Services], app: web.Application) -> Doorman:
    """A doorman for the OAs of this application; what waits to be written is written before the application ends."""
    first = every[0]  # of what all OAs share
    # Its own: no query of the console holds it up. What takes longer is of no use, Zalo has gone by then.
    ledger = open_ledger(first.settings.database_url, name="hcc hooks", statement_seconds=_GONE_SECONDS)
    recorder = Recorder(ledger, seal=lambda event: seal(event, first.sealer), recorded=Coalesced(ring_events))

    async def close(_: web.Application) -> None:
        await recorder.close()
        ledger.dispose()

    app.on_cleanup.append(close)
    known = [services.settings for services in every]
    return Doorman([Keys(one.zalo_app_id, one.zalo_oa_id, one.zalo_oa_secret) for one in known], recorder)


class Coalesced:
    """Rings for many events at once, from a thread: a broker that is away holds nobody up."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._wanted = False
        self._ringing: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                await asyncio.to_thread(self._ring)
            except Exception as fault:  # noqa: BLE001 (whatever the broker's client raises: beat rings every second)
                log.warning("bell not rung why=%s", type(fault).__name__)
            await asyncio.sleep(_RING_SECONDS)


def _arrived(request: web.Request, body: bytes) -> Arrived:
    headers = request.headers
    return Arrived(
        body,
        headers.get("X-ZEvent-Signature", ""),
        headers.get("X-ZEvent-Timestamp"),
        by_phone=headers.get("X-ZEvent-Server", "").upper() == "ZNS",
    )


def _fault_of_head(request: web.Request) -> Fault | Broken | None:
    """What the headers say already: then no byte of the body is read."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Broken.PACKED  # Zalo sends none, and a few bytes of it may be gigabytes
    length = request.content_length or 0
    if length > LONGEST:
        return Broken.HUGE
    signature = request.headers.get("X-ZEvent-Signature", "")
    if length <= _PROBE_BYTES or _SIGNATURE.fullmatch(signature):
        return None
    return Fault.FORGED if signature else Fault.UNSIGNED


async def _body(request: web.Request) -> bytes | Broken:
    """The whole body, or what is wrong with it."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
    except TimeoutError:
        return Broken.SLOW
    except web.HTTPRequestEntityTooLarge:
        return Broken.HUGE
    except web.RequestPayloadError:  # chunks or compression that are not what they say
        return Broken.GARBLED
    return body if len(body) <= LONGEST else Broken.HUGE
