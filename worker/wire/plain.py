"""The wire on `requests`: pure Python, one kept-alive session per thread.

Where a failure stands relative to the request decides what it means: anything before the connection stands is
`NotSent`; anything after it, whatever its name, is `Unknown`.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, SimpleQueue
from time import monotonic

import requests
from requests import PreparedRequest, Request, Session
from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_after_delay, wait_random
from urllib3.exceptions import DecodeError, IncompleteRead, InvalidChunkLength, ReadTimeoutError
from urllib3.util import Timeout

from worker.wire.deadline import DeadlineAdapter, NotConnected
from worker.wire.guard import Guard, mark
from worker.wire.protocol import INVALID, NO_NAME, REFUSED, Call, Landed, NotSent, Reply, Result, Unknown, Wire
from worker.wire.sockets import options
from worker.wire.whole import CUT_OFF, LARGEST_BODY, TOO_LARGE, whole

_CONNECT_SECONDS = 5.0
_CHUNK = 1 << 16

# The first that fits any error in the chain.
_WHYS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ReadTimeoutError, TimeoutError), "no whole answer in time"),
    ((http.client.RemoteDisconnected,), "connection closed without an answer"),
    ((ConnectionError,), "connection reset"),
    ((IncompleteRead, InvalidChunkLength, http.client.IncompleteRead), CUT_OFF),
    ((DecodeError,), "answer cannot be decoded"),
    ((http.client.HTTPException,), "not an HTTP answer"),
)


class RequestsWire(Wire):
    """Implements `Wire`. To be made after a fork: its threads do not survive one.

    `timeout_seconds` bounds each call from connecting to the last byte of the answer (a name look-up ends by the
    resolver's own rules). With `retry_unsent`, a refused connection or a failed name look-up is tried twice more
    within half a second: nothing had left. `ca_file` replaces the usual certificate authorities; `proxy` is the URL of
    an HTTP proxy to go by.
    """

    def __init__(
        self,
        timeout_seconds: float,
        connections: int = 16,
        *,
        retry_unsent: bool = True,
        ca_file: str | None = None,
        proxy: str = "",
    ) -> None:
        self._timeout = timeout_seconds
        self._connections = connections
        self._tries = 3 if retry_unsent else 1
        self._verify: bool | str = ca_file or True
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._own = threading.local()
        self._sessions: list[Session] = []
        self._threads = ThreadPoolExecutor(connections, "wire", initializer=self._open_session)
        self._flights = _Flights(connections, self._submit)

    @property
    def room(self) -> int:
        return self._flights.room

    @property
    def flying(self) -> int:
        return self._flights.flying

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        """A thread takes up each call at once."""
        self._flights.start(calls, guard=guard)

    def landed(self, seconds: float) -> list[Landed]:
        return self._flights.landed(seconds)

    def wake(self) -> None:
        self._flights.wake()

    def exchange(self, calls: Iterable[Call], *, guard: Guard | None = None) -> Iterator[Landed]:
        """Any number of exchanges at a time, by any thread, each with its own calls."""
        return _Flights(self._connections, self._submit).exchange(calls, guard=guard)

    def _submit(self, call: Call, guard: Guard | None) -> Future[Landed]:
        return self._threads.submit(self._carry, call, guard)

    def close(self) -> None:
        """Let the calls in flight end, then end the threads and close every connection."""
        self._threads.shutdown(cancel_futures=True)
        while self._sessions:
            self._sessions.pop().close()

    def _open_session(self) -> None:
        session = Session()
        session.trust_env = False  # no proxies, netrc or certificates from the environment; and much faster
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # one OA's cookies are not another's
        session.verify = self._verify
        session.proxies = dict(self._proxies)
        promised = options(self._timeout)
        for scheme in ("http://", "https://"):
            session.mount(scheme, DeadlineAdapter(promised, pool_connections=4, pool_maxsize=1, max_retries=0))
        self._own.session = session
        self._sessions.append(session)

    def _carry(self, call: Call, guard: Guard | None) -> Landed:
        started = monotonic()
        try:
            request = self._own.session.prepare_request(
                Request(call.method, call.url, headers=dict(call.headers), data=call.body)
            )
        except (requests.RequestException, ValueError):
            return call, NotSent(INVALID, _ms(started))
        if held := mark(guard, [call.tag]).get(call.tag):
            return call, NotSent(f"held back: {held}", _ms(started), held_back=True)
        again = Retrying(
            retry=retry_if_result(lambda result: isinstance(result, NotSent) and result.why in {REFUSED, NO_NAME}),
            stop=stop_after_attempt(self._tries) | stop_after_delay(0.5),
            wait=wait_random(0.05, 0.2),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        return call, again(self._send, request, started)

    def _send(self, request: PreparedRequest, started: float) -> Result:
        left = max(0.001, started + self._timeout - monotonic())
        timeout = Timeout(connect=min(_CONNECT_SECONDS, left), total=left)
        try:
            # The types know tuples of seconds only; `requests` hands urllib3's own on as it is.
            with self._own.session.send(request, stream=True, timeout=timeout, allow_redirects=False) as answer:
                return _read(answer, started)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            return NotSent(INVALID, _ms(started))
        except Exception as error:  # noqa: BLE001 (a wire does not raise for what the network does)
            return _failure(error, started)


class _Flights(Wire):
    """The calls of one caller on the threads of a wire."""

    def __init__(self, connections: int, submit: Callable[[Call, Guard | None], Future[Landed]]) -> None:
        self._connections = connections
        self._submit = submit
        self._arrived: SimpleQueue[Future[Landed] | None] = SimpleQueue()  # None: only wake up
        self._flying = 0

    @property
    def room(self) -> int:
        return self._connections - self._flying

    @property
    def flying(self) -> int:
        return self._flying

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        for call in calls:
            self._flying += 1
            self._submit(call, guard).add_done_callback(self._arrived.put)

    def landed(self, seconds: float) -> list[Landed]:
        found = []
        with suppress(Empty):
            found = [self._arrived.get(timeout=seconds)]
            while True:
                found.append(self._arrived.get_nowait())
        landed = [flight.result() for flight in found if flight is not None]
        self._flying -= len(landed)
        return landed

    def wake(self) -> None:
        self._arrived.put(None)

    def close(self) -> None:
        """The threads are the wire's."""


def _read(answer: requests.Response, started: float) -> Result:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
            return Unknown(TOO_LARGE, _ms(started))
    headers = {name.lower(): value.strip() for name, value in answer.headers.items()}
    first_byte_ms = round(answer.elapsed.total_seconds() * 1000)  # `requests` measures no more than this
    return whole(Reply(answer.status_code, headers, bytes(body), _ms(started), first_byte_ms=first_byte_ms))


def _failure(error: Exception, started: float) -> Result:
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, NotConnected):
            return NotSent(link.why, _ms(started))
    for kinds, why in _WHYS:
        if any(isinstance(link, kinds) for link in chain):
            return Unknown(why, _ms(started))
    return Unknown(type(error).__name__, _ms(started))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those it came from. The words of none are used: they hold URLs, and URLs hold user ids."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _ms(started: float) -> int:
    return round((monotonic() - started) * 1000)
