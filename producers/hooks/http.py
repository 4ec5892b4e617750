"""`POST /hooks/zalo`: receives Zalo's events, and answers 200 only once they are in the ledger.

Zalo waits two seconds, and retries for an hour after any answer but 200. A request that is not from Zalo, not for us or
not recent is refused with 4xx, and nothing of it is stored: a log line gives the reason and no more.
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
from config.settings import Settings
from coordination.bell import ring_events
from ledger.base.away import why_away
from ledger.base.engine import open_ledger
from ledger.base.sealing import Sealer
from producers.hooks.admit import Arrived, Keys, Probe, RejectedRequest, RequestFault, admit_among
from producers.hooks.event_words import EventWord
from producers.hooks.read import ZaloEvent
from producers.hooks.record import Recorder, seal

log = logging.getLogger("hcc.hooks")

LONGEST = 64 * 1024  # bytes; the longest documented event is a text of 2,000 characters
_READ_SECONDS = 1.0  # a body that takes longer is not Zalo's
_WRITE_SECONDS = 1.8  # after that Zalo, which waits two seconds, should retry
_GONE_SECONDS = 5.0  # a write that takes longer is aborted
_RING_SECONDS = 0.1  # between two bells
_LOGGED_SECONDS = 5.0  # one line per reason in this time: forgers must not fill the disk
_PROBE_BYTES = 1024  # Zalo's unsigned probe of an address is the empty object: no longer body may come unsigned
_SIGNATURE = re.compile(r"\s*(?:mac=)?[0-9a-fA-F]{64}\s*", re.ASCII)


class Broken(StrEnum):
    """Why a body did not arrive whole."""

    HUGE = "too large"
    SLOW = "too slow"
    GARBLED = "garbled"
    PACKED = "compressed"


_STATUS = {Broken.HUGE: 413, Broken.SLOW: 408, Broken.GARBLED: 400, Broken.PACKED: 415}


class WebhookHandler:
    """Admits events; one handler for the life of the web process."""

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
        """Receive one event."""
        body = _fault_of_head(request) or await _body(request)
        if isinstance(body, RequestFault):
            return self._refuse(body, 403)
        if isinstance(body, Broken):
            return self._refuse(body, _STATUS[body])
        began = time.monotonic()
        oa, admitted = admit_among(_arrived(request, body), self._keyring, datetime.now(UTC))
        match admitted:
            case Probe():
                self._events.labels("none", "probe").inc()
                return web.Response(text="ok\n")
            case RejectedRequest(fault):
                return self._refuse(fault, 400 if fault is RequestFault.MALFORMED else 403)
        answer = await self._record(oa, admitted)
        self._seconds.observe(time.monotonic() - began)
        return answer

    async def _record(self, oa: str, event: ZaloEvent) -> web.Response:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                new = await self._recorder.record(oa, event)
        except Exception as fault:  # noqa: BLE001 (after any error it is not certain to be recorded, so Zalo must retry)
            self._events.labels(event.word, "not recorded").inc()
            self._log(logging.ERROR, f"not recorded: {why_away(fault)}")
            return web.Response(status=503)
        self._events.labels(event.word, "recorded" if new else "repeated").inc()
        if new and event.word in (EventWord.UNKNOWN, EventWord.ODD):
            self._log(logging.WARNING, f"without consequences, `hcc doctor` names it: word={event.word}")
        return web.Response(text="ok\n")

    def _refuse(self, why: str, status: int) -> web.Response:
        self._events.labels("none", why).inc()
        loud = logging.ERROR if why == RequestFault.NO_SECRET else logging.WARNING
        self._log(loud, f"refused: {why}" + (": set HCC_ZALO_OA_SECRET" if why == RequestFault.NO_SECRET else ""))
        return web.Response(status=status)

    def _log(self, level: int, what: str) -> None:
        """Log each text once per interval; `what` is from a closed set."""
        if number := self._seldom.may(what):
            log.log(level, "event %s number=%d", what, number)

    def metrics(self) -> bytes:
        """How many events arrived, and what became of them."""
        return generate_latest(self.registry)


def webhook_of(oas: Sequence[Settings], sealer: Callable[[], Sealer], app: web.Application) -> WebhookHandler:
    """The handler for these OAs, which share one ledger. Waiting events are written before the application ends."""
    # A connection pool of its own, so that no query of the console delays it. Zalo does not wait for longer writes.
    ledger = open_ledger(oas[0].database_url, name="hcc hooks", statement_seconds=_GONE_SECONDS)
    recorder = Recorder(ledger, seal=lambda event: seal(event, sealer()), recorded=Coalesced(ring_events))

    async def close(_: web.Application) -> None:
        await recorder.close()
        ledger.dispose()

    app.on_cleanup.append(close)
    return WebhookHandler([Keys(one.zalo_app_id, one.zalo_oa_id, one.zalo_oa_secret) for one in oas], recorder)


class Coalesced:
    """Rings once for many events, in a thread, so that an unreachable broker blocks nothing."""

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
            except Exception as fault:  # noqa: BLE001 (any error of the broker's client: beat rings every second)
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


def _fault_of_head(request: web.Request) -> RequestFault | Broken | None:
    """The fault that the headers alone show; then no byte of the body is read."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Broken.PACKED  # Zalo does not compress, and a few bytes may expand to gigabytes
    length = request.content_length or 0
    if length > LONGEST:
        return Broken.HUGE
    signature = request.headers.get("X-ZEvent-Signature", "")
    if length <= _PROBE_BYTES or _SIGNATURE.fullmatch(signature):
        return None
    return RequestFault.FORGED if signature else RequestFault.UNSIGNED


async def _body(request: web.Request) -> bytes | Broken:
    """Read the whole body, or return what is wrong with it."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
    except TimeoutError:
        return Broken.SLOW
    except web.HTTPRequestEntityTooLarge:
        return Broken.HUGE
    except web.RequestPayloadError:  # malformed chunks or compression
        return Broken.GARBLED
    return body if len(body) <= LONGEST else Broken.HUGE
