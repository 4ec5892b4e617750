"""The door of the `web` process: limits connections, heads and request times before there is a request to handle.

    connection → its head within seconds → the body, if the head allows it → the answer → idle

A client that opens thousands of connections, sends its head a byte at a time or does not read the answer takes no
place from other clients: when all places are taken, the oldest connection without a request in progress is closed.
Libraries that would log request content may log one line per kind and period, without that content.
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
_ANSWER_SECONDS = 30.0  # after that nobody reads the answer
_HEAD_BYTES = 32 * 1024
_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 75.0  # longer than the keep-alive of the proxies
_LINGER_SECONDS = 0.2  # for an unread request body
_QUEUE = 512  # listen backlog; a client behind a longer queue would wait too long
_AT_ONCE = 64  # connections accepted per loop iteration, before the accepted ones are served again
_LOGGED_SECONDS = 5.0
_TALKATIVE = ("aiohttp.server", "aiohttp.web", "aiohttp.internal", "asyncio")


class _Connection(RequestHandler):
    """aiohttp's request handler with a deadline and a size limit for each head."""

    __slots__ = ("busy_since", "head_bytes", "places", "request", "waiting_since")

    def __init__(self, places: Places, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.places = places
        self.waiting_since: float | None = None  # when it began to wait for a head; all times here are monotonic
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
        """Whether there is an unanswered request."""
        return self._current_request is not None or bool(self._messages)

    def is_late(self, now: float) -> bool:
        """Whether its head or its answer has exceeded the deadline."""
        if not self.is_serving:
            self.request = None
            return self.waiting_since is not None and now - self.waiting_since > _HEAD_SECONDS
        if self._current_request is not self.request:
            self.request, self.busy_since = self._current_request, now
        return now - self.busy_since > _ANSWER_SECONDS

    def end(self) -> None:
        """Close the connection at once and discard unsent bytes."""
        if self.transport is not None:
            self.transport.abort()


class Places:
    """The open connections, oldest first, at most as many as there are places."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[_Connection, None] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def enter(self, one: _Connection) -> None:
        """Give it a place. If all are taken, close the oldest connection that waits for a head (or this one)."""
        if len(self._taken) >= self._most:
            (next((other for other in self._taken if not other.is_serving), one)).end()
        self._taken[one] = None

    def leave(self, one: _Connection) -> None:
        """Free its place."""
        self._taken.pop(one, None)

    def clear_of_late(self) -> None:
        """Close the connections that have exceeded a deadline."""
        now = time.monotonic()
        for one in [one for one in self._taken if one.is_late(now)]:
            one.end()


class _Quiet(logging.Filter):
    """Reduce the libraries' log records on requests to the type of fault, once per kind and period.

    The original records would contain request data.
    """

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
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Put a proxy with TLS in front."""
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
    """Raise the soft limit of open files towards the hard limit, and return how many files this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft
