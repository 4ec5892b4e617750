"""Runs one call on one libcurl handle: sets its options and interprets its result.

libcurl has one danger for us. If a kept-alive connection dies before the first byte of the response, libcurl sends the
request again on a fresh connection, even a POST, and Zalo may have carried out the first. It can do so only if it can
rewind the body. Every body therefore comes from a read function whose seek function refuses (`_no_way_back`), and such
a call ends as "may have been carried out". A request whose body had not begun to leave may be sent again: no server
carries out half a request. Source: curl.se, CURLOPT_SEEKFUNCTION and the function Curl_retry_request.

A flight that has to connect first is marked when its connection is established (CURLOPT_PREREQFUNCTION). A crash while
hundreds are connecting, as after a start, leaves none of them in doubt.

The guard's time limit is checked again at the last moment, when libcurl reads the body, which leaves together with the
head. A process that was suspended after its mark sends nothing when it resumes. The only gap left is from that check
to the `send` system call: docs/once.md gives its length.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from urllib.parse import urlsplit

import pycurl

from worker.wire.guard import OVER, Guard, mark
from worker.wire.protocol import INVALID, NO_NAME, REFUSED, Call, NotSent, Reply, Result, Unknown
from worker.wire.sockets import options, promise
from worker.wire.whole import CUT_OFF, LARGEST_BODY, TOO_LARGE, whole

_CONNECT_SECONDS = 5.0

_NOT_SENT = {
    pycurl.E_UNSUPPORTED_PROTOCOL: INVALID,
    pycurl.E_URL_MALFORMAT: INVALID,
    pycurl.E_COULDNT_RESOLVE_HOST: NO_NAME,
    pycurl.E_COULDNT_RESOLVE_PROXY: NO_NAME,
    pycurl.E_OPERATION_TIMEDOUT: "connect timeout",
    pycurl.E_SSL_CONNECT_ERROR: "TLS not agreed",
    pycurl.E_PEER_FAILED_VERIFICATION: "certificate not trusted",
}
_UNKNOWN = {
    pycurl.E_OPERATION_TIMEDOUT: "no whole answer in time",
    pycurl.E_GOT_NOTHING: "connection closed without an answer",
    pycurl.E_SEND_FAIL_REWIND: "connection closed without an answer",
    pycurl.E_SEND_ERROR: "connection reset",
    pycurl.E_RECV_ERROR: "connection reset",
    pycurl.E_PARTIAL_FILE: CUT_OFF,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "not an HTTP answer",  # the number of CURLE_WEIRD_SERVER_REPLY
    pycurl.E_UNSUPPORTED_PROTOCOL: "not an HTTP answer",
    pycurl.E_BAD_CONTENT_ENCODING: "answer cannot be decoded",
    pycurl.E_WRITE_ERROR: TOO_LARGE,  # only our own `_take` causes it
}


@dataclass(frozen=True, slots=True)
class Line:
    """Connection settings: the time-out of each call, the trusted CA file, and the proxy (empty: none)."""

    timeout_seconds: float
    ca_file: str
    proxy: str = ""


class Flight:
    """A call in flight. `held` is the reason why it may not leave; `stands`: its connection is established."""

    __slots__ = ("began", "call", "guard", "held", "marked", "stands", "tries")

    def __init__(self, call: Call, guard: Guard | None) -> None:
        self.call = call
        self.guard = guard
        self.marked = guard is None
        self.held = ""
        self.stands = False
        self.began = monotonic()
        self.tries = 0

    @property
    def ms(self) -> int:
        """Milliseconds since the call began."""
        return round((monotonic() - self.began) * 1000)


def mark_all(flights: Sequence[Flight]) -> None:
    """Mark flights of one guard that are about to leave; those that the guard keeps back get `held`."""
    held = mark(flights[0].guard, [flight.call.tag for flight in flights])
    for flight in flights:
        flight.marked = True
        flight.held = held.get(flight.call.tag, "")


class Plane:
    """A libcurl handle, reused for one flight after another.

    Options common to all calls are set once; URL, headers and method only when they change. Within a batch only the
    body differs.
    """

    flight: Flight
    host: str  # with the port, as in the URL

    def __init__(self, line: Line, opened: Callable[[int, str], None]) -> None:
        """Set our time-out and verified TLS, nothing from the environment. `opened` gets every socket and its host."""
        self.handle = handle = pycurl.Curl()
        self._opened = opened
        self._promised = options(line.timeout_seconds)
        self._proxied = bool(line.proxy)
        self._told: tuple[object, ...] = ()
        self._body = b""
        self._head: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        handle.setopt(pycurl.SOCKOPTFUNCTION, self._open)
        handle.setopt(pycurl.PREREQFUNCTION, self._stand)
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.TIMEOUT_MS, round(line.timeout_seconds * 1000))
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, round(min(_CONNECT_SECONDS, line.timeout_seconds) * 1000))
        handle.setopt(pycurl.CAINFO, line.ca_file)
        handle.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.PROXY, line.proxy)
        handle.setopt(pycurl.NOPROXY, "")  # overrides the environment's list
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
        handle.setopt(pycurl.TCP_KEEPALIVE, 1)
        handle.setopt(pycurl.READFUNCTION, self._give)
        handle.setopt(pycurl.SEEKFUNCTION, _no_way_back)
        handle.setopt(pycurl.HEADERFUNCTION, self._head.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._take)

    def prepare(self, flight: Flight) -> bool:
        """Load the call; False if it is not a valid request."""
        self.flight, call, flight.tries = flight, flight.call, flight.tries + 1
        flight.stands = False
        told = call.url, call.headers, call.method, call.body is None
        if told != self._told and not self._tell(call):
            return False
        self._told = told
        if call.body is not None:
            self._body = call.body
            self.handle.setopt(pycurl.POSTFIELDSIZE, len(call.body))
        self._head.clear()
        self._parts, self._size = [], 0
        return True

    def result(self, code: int) -> Result:
        """The result. No byte of a request leaves before its connection is established and REQUEST_SIZE counts it."""
        handle, flight = self.handle, self.flight
        if flight.held:
            return self.held()
        if code == pycurl.E_OK:
            status, head = handle.getinfo(pycurl.RESPONSE_CODE), _last_head(self._head)
            return whole(Reply(status, head, b"".join(self._parts), flight.ms, *_times(handle)))
        if not flight.stands or (not self._proxied and handle.getinfo(pycurl.REQUEST_SIZE) == 0):
            return NotSent(self._why_not_sent(code), flight.ms)
        return Unknown(_UNKNOWN.get(code, f"libcurl code {code}"), flight.ms, *_times(handle))

    def held(self) -> NotSent:
        """The result of a flight that the guard kept back."""
        return NotSent(f"held back: {self.flight.held}", self.flight.ms, held_back=True)

    def _tell(self, call: Call) -> bool:
        """Set the options common to a batch; False if they are invalid. On failure the next call sets them again."""
        self._told = ()
        headers = [f"{name}: {value}" for name, value in call.headers.items()]
        if any("\n" in header or "\r" in header for header in headers) or not call.url:
            return False
        try:
            self.host = urlsplit(call.url).netloc
            self.handle.setopt(pycurl.URL, call.url)
            self.handle.setopt(pycurl.HTTPHEADER, [*headers, "Expect:", "User-Agent: hcc-notify"])
        except (ValueError, pycurl.error):
            return False
        self.handle.setopt(pycurl.HTTPGET if call.body is None else pycurl.POST, 1)
        self.handle.setopt(pycurl.CUSTOMREQUEST, call.method)
        return True

    def _why_not_sent(self, code: int) -> str:
        if code == pycurl.E_COULDNT_CONNECT and self.handle.getinfo(pycurl.OS_ERRNO) == errno.ECONNREFUSED:
            return REFUSED
        return _NOT_SENT.get(code, "no connection")

    def _open(self, number: int, _purpose: int) -> int:
        try:
            promise(number, self._promised)
        except OSError:
            return pycurl.SOCKOPT_ERROR  # do not use a socket without these options
        self._opened(number, self.host)
        return pycurl.SOCKOPT_OK

    def _stand(self, *_ends: object) -> int:
        """The connection is established, new or kept-alive, and nothing of the request has left."""
        flight = self.flight
        flight.stands = True
        if not flight.marked:
            mark_all([flight])
        if flight.call.body is None and self._is_over():  # else `_give` checks right after this, and later
            return pycurl.PREREQFUNC_ABORT
        return pycurl.PREREQFUNC_ABORT if flight.held else pycurl.PREREQFUNC_OK

    def _give(self, most: int) -> bytes | int:
        """The body, which leaves at once. A request aborted here is incomplete: no server carries it out."""
        if self._is_over():
            return pycurl.READFUNC_ABORT
        part, self._body = self._body[:most], self._body[most:]
        return part

    def _is_over(self) -> bool:
        flight = self.flight
        if flight.guard is not None and flight.guard.is_over():
            flight.held = OVER
        return bool(flight.held)

    def _take(self, part: bytes) -> int:
        self._size += len(part)
        if self._size > LARGEST_BODY:
            return -1
        self._parts.append(part)
        return len(part)


def _times(handle: pycurl.Curl) -> tuple[int, int]:
    """Milliseconds until the connection was established (including TLS) and until the first byte came."""
    connected = max(handle.getinfo(pycurl.CONNECT_TIME), handle.getinfo(pycurl.APPCONNECT_TIME))
    return round(connected * 1000), round(handle.getinfo(pycurl.STARTTRANSFER_TIME) * 1000)


def _no_way_back(_offset: int, _origin: int) -> int:
    return pycurl.SEEKFUNC_FAIL


def _last_head(lines: list[bytes]) -> dict[str, str]:
    """The headers of the final response, without those of interim responses (100 Continue)."""
    head: dict[str, str] = {}
    for field in map(_field, lines):
        if field is _STATUS_LINE:
            head = {}
        elif field is not None:
            head[field[0]] = field[1]
    return head


_STATUS_LINE = ("", "")


@lru_cache(maxsize=1024)  # responses differ in few of their lines
def _field(line: bytes) -> tuple[str, str] | None:
    """Name, in lower case, and value; None if the line is not a header."""
    if line.startswith(b"HTTP/"):
        return _STATUS_LINE
    name, colon, value = line.decode("latin-1").partition(":")
    return (name.lower(), value.strip()) if colon else None
