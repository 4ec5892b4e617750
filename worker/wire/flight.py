"""One call on one of libcurl's handles: what it is told before, and what its end means.

The one danger in libcurl for us: where a kept-alive connection dies before the first byte of an answer, it sends the
request once more on a fresh one, also a POST, and Zalo may have carried out the first. It can do so only if it can go
back to the start of the body; so every body comes from a function that refuses to go back (`_no_way_back`), and such a
call ends as "may have been carried out". A request whose body had not begun to leave may go again: nobody carries out
half a request. Source: curl.se, CURLOPT_SEEKFUNCTION and the function Curl_retry_request.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import lru_cache
from time import monotonic

import pycurl

from worker.wire.deadline import NO_NAME, REFUSED
from worker.wire.protocol import Call, NotSent, Reply, Result, Unknown
from worker.wire.whole import CUT_OFF, LARGEST_BODY, TOO_LARGE, whole

_CONNECT_SECONDS = 5.0
INVALID = "not a valid request"

_NOT_SENT = {
    pycurl.E_UNSUPPORTED_PROTOCOL: INVALID,
    pycurl.E_URL_MALFORMAT: INVALID,
    pycurl.E_COULDNT_RESOLVE_HOST: NO_NAME,
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
    pycurl.E_WRITE_ERROR: TOO_LARGE,  # only our own `_take` refuses to write
}


class Flight:
    """A call on its way."""

    __slots__ = ("began", "call", "tries")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.began = monotonic()
        self.tries = 0

    @property
    def ms(self) -> int:
        """Since the call began."""
        return round((monotonic() - self.began) * 1000)


class Plane:
    """One of libcurl's handles, which carries one flight after the other.

    What holds for every call it is told once, what the last call had in common with this one it knows already: of a
    batch that are all but the body.
    """

    def __init__(self, timeout_seconds: float, ca_file: str, opened: Callable[[int, int], int]) -> None:
        """Our deadline, verified TLS, nothing from the environment. `opened` is told of every socket."""
        self.handle = handle = pycurl.Curl()
        self._told: tuple[object, ...] = ()
        self._body = b""
        self._head: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        handle.setopt(pycurl.SOCKOPTFUNCTION, opened)
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.TIMEOUT_MS, round(timeout_seconds * 1000))
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, round(min(_CONNECT_SECONDS, timeout_seconds) * 1000))
        handle.setopt(pycurl.CAINFO, ca_file)
        handle.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
        handle.setopt(pycurl.TCP_KEEPALIVE, 1)
        handle.setopt(pycurl.READFUNCTION, self._give)
        handle.setopt(pycurl.SEEKFUNCTION, _no_way_back)
        handle.setopt(pycurl.HEADERFUNCTION, self._head.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._take)

    def prepare(self, flight: Flight, *, fresh: bool) -> bool:
        """Load the call, if need be for a fresh connection; False where it cannot be a request."""
        call, flight.tries = flight.call, flight.tries + 1
        told = call.url, call.headers, call.method, call.body is None
        if told != self._told and not self._tell(call):
            return False
        self._told = told
        self.handle.setopt(pycurl.FRESH_CONNECT, fresh)
        if call.body is not None:
            self._body = call.body
            self.handle.setopt(pycurl.POSTFIELDSIZE, len(call.body))
        self._head.clear()
        self._parts, self._size = [], 0
        return True

    def result(self, flight: Flight, code: int) -> Result:
        """What came of it. Nothing of a request leaves before libcurl counts it in REQUEST_SIZE."""
        handle = self.handle
        if code == pycurl.E_OK:
            status, head = handle.getinfo(pycurl.RESPONSE_CODE), _last_head(self._head)
            return whole(Reply(status, head, b"".join(self._parts), flight.ms, *_times(handle)))
        if handle.getinfo(pycurl.REQUEST_SIZE) == 0:
            return NotSent(self._why_not_sent(code), flight.ms)
        return Unknown(_UNKNOWN.get(code, f"libcurl code {code}"), flight.ms, *_times(handle))

    def _tell(self, call: Call) -> bool:
        """What calls of one batch have in common. Whatever becomes of it, the next call is told anew."""
        self._told = ()
        headers = [f"{name}: {value}" for name, value in call.headers.items()]
        if any("\n" in header or "\r" in header for header in headers) or not call.url:
            return False
        try:
            self.handle.setopt(pycurl.URL, call.url)
            self.handle.setopt(pycurl.HTTPHEADER, [*headers, "Expect:", "User-Agent: hcc-notify"])
        except (UnicodeError, pycurl.error):
            return False
        self.handle.setopt(pycurl.HTTPGET if call.body is None else pycurl.POST, 1)
        self.handle.setopt(pycurl.CUSTOMREQUEST, call.method)
        return True

    def _why_not_sent(self, code: int) -> str:
        if code == pycurl.E_COULDNT_CONNECT and self.handle.getinfo(pycurl.OS_ERRNO) == errno.ECONNREFUSED:
            return REFUSED
        return _NOT_SENT.get(code, "no connection")

    def _give(self, most: int) -> bytes:
        part, self._body = self._body[:most], self._body[most:]
        return part

    def _take(self, part: bytes) -> int:
        self._size += len(part)
        if self._size > LARGEST_BODY:
            return -1
        self._parts.append(part)
        return len(part)


def _times(handle: pycurl.Curl) -> tuple[int, int]:
    """When the connection stood (with TLS that is later than without) and when the first byte came; ms."""
    connected = max(handle.getinfo(pycurl.CONNECT_TIME), handle.getinfo(pycurl.APPCONNECT_TIME))
    return round(connected * 1000), round(handle.getinfo(pycurl.STARTTRANSFER_TIME) * 1000)


def _no_way_back(_offset: int, _origin: int) -> int:
    return pycurl.SEEKFUNC_FAIL


def _last_head(lines: list[bytes]) -> dict[str, str]:
    """The headers of the answer itself: what was said in between (100 Continue) is none."""
    head: dict[str, str] = {}
    for field in map(_field, lines):
        if field is _STATUS_LINE:
            head = {}
        elif field is not None:
            head[field[0]] = field[1]
    return head


_STATUS_LINE = ("", "")


@lru_cache(maxsize=1024)  # answers differ in few of their lines
def _field(line: bytes) -> tuple[str, str] | None:
    """Name, in lower case, and value; None where the line is no header."""
    if line.startswith(b"HTTP/"):
        return _STATUS_LINE
    name, colon, value = line.decode("latin-1").partition(":")
    return (name.lower(), value.strip()) if colon else None
