"""The door of the `web` process: how connections are served before there is a request to look at.

    a connection comes → its head within seconds → the body, if the head is worth it → the answer → idle

Whoever opens thousands of connections, sends heads a letter at a time or reads no answer takes no place from anybody:
where the places are taken, the connection that has waited longest for its head goes. Libraries that log what they were
sent are heard once a kind and while, without any of it.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import time
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from config.seldom import Seldom

_PLACES = 2000  # connections at once
_SPARE_FILES = 256  # for the ledger, Redis, the broker and logs
_FILES = 16_384
_HEAD_SECONDS = 5.0  # from the connection, or the first byte of a further head, to its end
_ANSWER_SECONDS = 30.0  # a request that takes longer is one whose answer nobody reads
_HEAD_BYTES = 32 * 1024
_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 75.0  # longer than the proxies keep theirs
_LINGER_SECONDS = 0.2  # for a body that nobody wants to read
_QUEUE = 512  # connections that the kernel keeps for us: who comes behind more of them would wait for too long
_AT_ONCE = 64  # … of which so many are let in before those that are in are served again
_LOGGED_SECONDS = 5.0
_TALKATIVE = ("aiohttp.server", "aiohttp.web", "aiohttp.internal", "asyncio")


class _Connection(RequestHandler):
    """As aiohttp's, with a deadline for each head and a bound for its bytes."""

    __slots__ = ("busy_since", "head_bytes", "places", "request", "waiting_since")

    def __init__(self, places: Places, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.places = places
        self.waiting_since: float | None = None  # monotonic, as all times here: a head is expected
        self.head_bytes = 0
        self.request: object = None
        self.busy_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.waiting_since = time.monotonic()
        self.places.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.places.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        requests = self._request_count
        super().data_received(data)
        if self._request_count > requests:
            self.waiting_since, self.head_bytes = None, 0
        elif not self.is_serving:
            self.waiting_since = self.waiting_since or time.monotonic()
            self.head_bytes += len(data)
            if self.head_bytes > _HEAD_BYTES:
                self.end()

    @property
    def is_serving(self) -> bool:
        """Whether a request is there that has not been answered."""
        return self._current_request is not None or bool(self._messages)

    def is_late(self, now: float) -> bool:
        """Whether its head, or the end of its request, does not come."""
        if not self.is_serving:
            self.request = None
            return self.waiting_since is not None and now - self.waiting_since > _HEAD_SECONDS
        if self._current_request is not self.request:
            self.request, self.busy_since = self._current_request, now
        return now - self.busy_since > _ANSWER_SECONDS

    def end(self) -> None:
        """At once, whatever is still to be said."""
        if self.transport is not None:
            self.transport.abort()


class Places:
    """The connections that there are, the one that came first in front; no more than there are places."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[_Connection, None] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def enter(self, one: _Connection) -> None:
        """Give it a place: that of the first which waits for a head, where all are taken."""
        if len(self._taken) >= self._most:
            (next((other for other in self._taken if not other.is_serving), one)).end()
        self._taken[one] = None

    def leave(self, one: _Connection) -> None:
        """Its place is free."""
        self._taken.pop(one, None)

    def clear_of_late(self) -> None:
        """End those whose head or whose end does not come."""
        now = time.monotonic()
        for one in [one for one in self._taken if one.is_late(now)]:
            one.end()


class _Quiet(logging.Filter):
    """Of what libraries say of requests, the type, once a kind and while: they would write down what they were sent."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom(_LOGGED_SECONDS)

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[0] if record.exc_info else None
        kind = fault.__name__ if fault else record.funcName
        number = self._seldom.may(f"{record.name} {kind}")
        record.msg, record.args = "requests not served why=%s number=%d", (kind, number)
        record.exc_info = record.exc_text = record.stack_info = None
        return number > 0


def serve_app(app: web.Application, port: int) -> None:
    """Serve on 127.0.0.1 until a signal ends us; a proxy with TLS belongs in front."""
    asyncio.run(_serve(app, port))


async def _serve(app: web.Application, port: int) -> None:
    quiet = _Quiet()
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(quiet)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    manners: dict[str, Any] = {
        "access_log": None,
        "auto_decompress": False,
        "keepalive_timeout": _IDLE_SECONDS,
        "lingering_time": _LINGER_SECONDS,
    }
    runner = web.AppRunner(app, **manners)
    await runner.setup()
    places = Places(min(_PLACES, room_for_files() - _SPARE_FILES))
    listener = socket.create_server(("127.0.0.1", port))
    server = await loop.create_server(
        lambda: _Connection(places, runner.server, loop=loop, **manners), sock=listener, backlog=_AT_ONCE
    )
    listener.listen(_QUEUE)
    watch = asyncio.create_task(_watch(places))
    try:
        await over.wait()
    finally:
        watch.cancel()
        server.close()
        await runner.cleanup()


async def _watch(places: Places) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        places.clear_of_late()


def room_for_files() -> int:
    """How many files this process may open, after it has allowed itself what its host allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft
