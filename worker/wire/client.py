"""The client of ordinary calls: tokens, templates, followers. Plain `requests`, with one deadline for a whole call.

The time of a failure decides its meaning. Before the connection is established it is `NotSent`; afterwards, whatever
the error, it is `Unknown`. `requests` alone reports a slow TLS handshake as a read time-out, as if the request had been
sent, and has a time-out per read, so a server that drips a byte a second holds a call for ever. Both are fixed at the
connection: only connecting raises `NotConnected`, and a response is read under the deadline.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader, RawIOBase
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import requests
from requests import PreparedRequest, Request, Session
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_after_delay, wait_random
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    IncompleteRead,
    InvalidChunkLength,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.response import HTTPResponse
from urllib3.util import Timeout
from urllib3.util.connection import allowed_gai_family, create_connection

from worker.wire.guard import Guard, mark
from worker.wire.protocol import INVALID, NO_NAME, REFUSED, Call, Client, Landed, NotSent, Reply, Result, Unknown
from worker.wire.sockets import Option, options
from worker.wire.whole import CUT_OFF, LARGEST_BODY, TOO_LARGE, whole

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONNECT_SECONDS = 5.0
_CHUNK = 1 << 16

# Of both tables the first entry counts that matches an error of the chain: Python's TLS errors and time-outs are all
# subclasses of `OSError`.
_NOT_CONNECTED: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, NO_NAME),
    (UnicodeError, NO_NAME),
    (ConnectionRefusedError, REFUSED),
    (TimeoutError, "connect timeout"),
    (ssl.SSLCertVerificationError, "certificate not trusted"),
    (ssl.SSLError, "TLS not agreed"),
)
_NO_ANSWER: tuple[tuple[type[BaseException], str], ...] = (
    (ReadTimeoutError, "no whole answer in time"),
    (TimeoutError, "no whole answer in time"),
    (http.client.RemoteDisconnected, "connection closed without an answer"),
    (ConnectionError, "connection reset"),
    (IncompleteRead, CUT_OFF),
    (InvalidChunkLength, CUT_OFF),
    (http.client.IncompleteRead, CUT_OFF),
    (DecodeError, "answer cannot be decoded"),
    (http.client.HTTPException, "not an HTTP answer"),
)


class RequestsClient(Client):
    """Implements `Client`; thread-safe. Create it after a fork: its threads do not survive one.

    `timeout_seconds` bounds each call from connecting to the last byte of the response; name look-ups follow the
    resolver's own time-outs. A refused connection or a failed name look-up is retried twice within half a second,
    since nothing left. `ca_file` replaces the default certificate authorities; `proxy` is the URL of an HTTP proxy.
    """

    def __init__(
        self, timeout_seconds: float, connections: int = 16, *, ca_file: str | None = None, proxy: str = ""
    ) -> None:
        self._timeout = timeout_seconds
        self._connections = connections
        self._threads = ThreadPoolExecutor(connections, "wire")
        self._session = Session()  # shared by the threads: it has no cookies, and its pools are made for that
        self._session.trust_env = False  # no proxies, netrc or certificates from the environment; also much faster
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # OAs must not share cookies
        self._session.verify = ca_file or True
        self._session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(options(timeout_seconds), pool_maxsize=connections, max_retries=0))

    def exchange(self, calls: Iterable[Call], *, guard: Guard | None = None) -> Iterator[Landed]:
        coming = iter(calls)
        flying: set[Future[Landed]] = set()
        try:
            while True:
                for call in islice(coming, self._connections - len(flying)):
                    flying.add(self._threads.submit(self._carry, call, guard))
                if not flying:
                    return
                landed, flying = wait(flying, return_when=FIRST_COMPLETED)
                for one in landed:
                    yield one.result()
        finally:
            wait(flying)

    def close(self) -> None:
        """Wait for the calls in flight, then end the threads and close every connection."""
        self._threads.shutdown(cancel_futures=True)
        self._session.close()

    def _carry(self, call: Call, guard: Guard | None) -> Landed:
        started = monotonic()
        try:
            asked = Request(call.method, call.url, headers=dict(call.headers), data=call.body)
            request = self._session.prepare_request(asked)
        except (requests.RequestException, ValueError):
            return call, NotSent(INVALID, _ms(started))
        if held := mark(guard, [call.tag]).get(call.tag):
            return call, NotSent(f"held back: {held}", _ms(started), held_back=True)
        again = Retrying(
            retry=retry_if_result(lambda result: isinstance(result, NotSent) and result.why in {REFUSED, NO_NAME}),
            stop=stop_after_attempt(3) | stop_after_delay(0.5),
            wait=wait_random(0.05, 0.2),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        return call, again(self._send, request, started)

    def _send(self, request: PreparedRequest, started: float) -> Result:
        left = max(0.001, started + self._timeout - monotonic())
        timeout = Timeout(connect=min(_CONNECT_SECONDS, left), total=left)
        try:
            # The type stubs allow only tuples of seconds; `requests` passes urllib3's own `Timeout` on unchanged.
            with self._session.send(
                request, stream=True, timeout=cast("Any", timeout), allow_redirects=False
            ) as answer:
                return _read(answer, started)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            return NotSent(INVALID, _ms(started))
        except Exception as error:  # noqa: BLE001 (a client does not raise for network errors)
            return _failure(error, started)


def _read(answer: requests.Response, started: float) -> Result:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
            return Unknown(TOO_LARGE, _ms(started))
    headers = {name.lower(): value.strip() for name, value in answer.headers.items()}
    first_byte_ms = round(answer.elapsed.total_seconds() * 1000)  # `requests` measures nothing else
    return whole(Reply(answer.status_code, headers, bytes(body), _ms(started), first_byte_ms=first_byte_ms))


def _failure(error: BaseException, started: float) -> NotSent | Unknown:
    for link in _chain(error):
        if isinstance(link, NotConnected):
            return NotSent(link.why, _ms(started))
    return Unknown(_why(error, _NO_ANSWER) or type(error).__name__, _ms(started))


def _why(error: BaseException, table: tuple[tuple[type[BaseException], str], ...]) -> str | None:
    links = list(_chain(error))
    return next((why for kind, why in table if any(isinstance(link, kind) for link in links)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes. Their texts are never used: they contain URLs, and URLs contain user ids."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _ms(started: float) -> int:
    return round((monotonic() - started) * 1000)


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class NotConnected(NewConnectionError):  # noqa: N818 (a state of affairs, as urllib3 names its own)
    """No connection: certainly nothing of the request left. `why` contains no address and no URL."""

    def __init__(self, conn: HTTPConnection, why: str) -> None:
        super().__init__(conn, why)
        self.why = why


class _Connection(HTTPConnection):
    """A connection that enforces the `total` of a call's `urllib3.Timeout`, whatever the server does."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError, UnicodeError) as error:
            raise NotConnected(self, _why(error, _NOT_CONNECTED) or "no connection") from error

    def _new_conn(self) -> socket.socket:
        """Try every address of the host; the connect time-out covers all attempts together.

        urllib3's own SOCKS support overrides the same method.
        """
        end = monotonic() + cast("float", self.timeout)
        found = socket.getaddrinfo(self.host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        problem = OSError("no address")
        for untried, (*_, address) in zip(range(len(found), 0, -1), found, strict=True):
            share = _left(end) / untried
            try:
                sock = create_connection((str(address[0]), self.port), share, socket_options=self.socket_options)
            except OSError as error:
                problem = error
                continue
            sock.settimeout(_left(end))  # the remaining time is for the TLS handshake
            return sock
        raise problem

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # kept alive: the socket still has the last call's remaining time-out
            self.sock.settimeout(cast("float", self.timeout))
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        # urllib3 has by now set `timeout` to the remainder of the total.
        end = monotonic() + cast("float", self.timeout)
        self.response_class = partial(_Response, end=end)  # type: ignore[assignment]  # a class or what makes one
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Makes our connections, each with the `promised` options on its socket."""

    def __init__(self, promised: list[Option], **kwargs: Any) -> None:
        self._promised = promised
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=self._promised)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, socket_options=self._promised)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


class _Response(http.client.HTTPResponse):
    """A response whose head and body are read under the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, end: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = BufferedReader(_TimedReader(self.fp.detach(), sock, end))


class _TimedReader(RawIOBase):
    def __init__(self, raw: RawIOBase, sock: socket.socket, end: float) -> None:
        self._raw, self._sock, self._end = raw, sock, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(_left(self._end))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
