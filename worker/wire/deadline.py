"""What `requests` lacks: one deadline for a whole call, and a failure to connect that cannot be mistaken.

`requests` knows a timeout per read, so a server that drips a byte a second holds a call for ever; and it reports a
TLS handshake that takes too long as a read timeout, as if the request had been sent. Both are told apart here, at
the connection: `NotConnected` comes from connecting only, so no byte of the request has left.
"""

from __future__ import annotations

import socket
import ssl
from functools import partial
from http.client import HTTPResponse as PlainResponse
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.connection import allowed_gai_family, create_connection

from worker.wire.protocol import NO_NAME, REFUSED
from worker.wire.sockets import Option

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The first that fits: Python's TLS errors and timeouts are all `OSError`s.
_WHYS: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, NO_NAME),
    (UnicodeError, NO_NAME),
    (ConnectionRefusedError, REFUSED),
    (TimeoutError, "connect timeout"),
    (ssl.SSLCertVerificationError, "certificate not trusted"),
    (ssl.SSLError, "TLS not agreed"),
)


class NotConnected(NewConnectionError):  # noqa: N818 (a state of affairs, as urllib3 names its own)
    """No connection: certainly nothing of the request left. `why` names no address and no URL."""

    def __init__(self, conn: HTTPConnection, why: str) -> None:
        super().__init__(conn, why)
        self.why = why


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose calls end at the `total` of their `urllib3.Timeout`, whatever the server does."""

    def __init__(self, promised: list[Option], **kwargs: Any) -> None:
        """`promised` are the options of every socket; the rest is `HTTPAdapter`'s."""
        self._promised = promised
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=self._promised)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, socket_options=self._promised)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Connection(HTTPConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError, UnicodeError) as error:
            raise NotConnected(self, _why(error)) from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # kept alive: it still has what the last call had left
            self.sock.settimeout(cast("float", self.timeout))
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        # By now urllib3 has set `timeout` to what is left of the total.
        end = monotonic() + cast("float", self.timeout)
        self.response_class = partial(_Response, end=end)  # type: ignore[assignment]  # a class or what makes one
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        """Try every address of the host, all of them together within the connect timeout."""
        end = monotonic() + cast("float", self.timeout)
        found = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        problem = OSError("no address")
        for untried, (*_, address) in zip(range(len(found), 0, -1), found, strict=True):
            share = _left(end) / untried
            try:
                sock = create_connection((str(address[0]), self.port), share, socket_options=self.socket_options)
            except OSError as error:
                problem = error
                continue
            sock.settimeout(_left(end))  # what is left is for the TLS handshake
            return sock
        raise problem


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Response(PlainResponse):
    """An answer that is read against the clock, head and body."""

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


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(error: BaseException) -> str:
    """urllib3 wraps some errors of the socket; the innermost one knows."""
    inner: BaseException | None = error
    while inner is not None:
        for kind, why in _WHYS:
            if isinstance(inner, kind):
                return why
        inner = inner.__cause__ or inner.__context__
    return "no connection"
