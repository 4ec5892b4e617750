"""One call on one libcurl handle: what it is told before, and what its end means.

The one danger in libcurl for us: where a kept-alive connection dies before the first byte of an answer, it sends the
request once more on a fresh one, also a POST, and Zalo may have carried out the first. It can do so only if it can go
back to the start of the body; so every body comes from a function that refuses to go back (`_no_way_back`), and such a
call ends as "may have been carried out". A request whose body had not begun to leave may go again: nobody carries out
half a request. Source: curl.se, CURLOPT_SEEKFUNCTION and the function Curl_retry_request.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
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


def new_handle(timeout_seconds: float, ca_file: str, opened: Callable[[int, int], int]) -> pycurl.Curl:
    """A handle with what holds for every call: our deadline, verified TLS, nothing from the environment.

    `opened` is told of every socket.
    """
    handle = pycurl.Curl()
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
    return handle


class Flight:
    """A call on its way."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.began = monotonic()
        self.tries = 0
        self._headers: list[bytes] = []
        self._body: list[bytes] = []
        self._size = 0

    def prepare(self, handle: pycurl.Curl, *, fresh: bool) -> bool:
        """Load the call onto a handle, if need be for a fresh connection; False where it cannot be a request."""
        call, self.tries = self.call, self.tries + 1
        headers = [f"{name}: {value}" for name, value in call.headers.items()]
        try:
            handle.setopt(pycurl.URL, call.url)
            handle.setopt(pycurl.HTTPHEADER, [*headers, "Expect:", "User-Agent: hcc-notify"])
        except (UnicodeError, pycurl.error):
            return False
        if any("\n" in header or "\r" in header for header in headers) or not call.url:
            return False
        if call.body is None:
            handle.setopt(pycurl.HTTPGET, 1)
        else:
            handle.setopt(pycurl.POST, 1)
            handle.setopt(pycurl.POSTFIELDSIZE, len(call.body))
            handle.setopt(pycurl.READFUNCTION, io.BytesIO(call.body).read)
            handle.setopt(pycurl.SEEKFUNCTION, _no_way_back)
        handle.setopt(pycurl.FRESH_CONNECT, fresh)
        handle.setopt(pycurl.CUSTOMREQUEST, call.method)
        handle.setopt(pycurl.HEADERFUNCTION, self._headers.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._take)
        return True

    def result(self, handle: pycurl.Curl, code: int) -> Result:
        """What came of it. Nothing of a request leaves before libcurl counts it in REQUEST_SIZE."""
        if code == pycurl.E_OK:
            status, head = handle.getinfo(pycurl.RESPONSE_CODE), _last_head(self._headers)
            return whole(Reply(status, head, b"".join(self._body), self.ms, *_times(handle)))
        if handle.getinfo(pycurl.REQUEST_SIZE) == 0:
            return NotSent(self._why_not_sent(handle, code), self.ms)
        return Unknown(_UNKNOWN.get(code, f"libcurl code {code}"), self.ms, *_times(handle))

    @property
    def ms(self) -> int:
        """Since the call began."""
        return round((monotonic() - self.began) * 1000)

    def _why_not_sent(self, handle: pycurl.Curl, code: int) -> str:
        if code == pycurl.E_COULDNT_CONNECT and handle.getinfo(pycurl.OS_ERRNO) == errno.ECONNREFUSED:
            return REFUSED
        return _NOT_SENT.get(code, "no connection")

    def _take(self, part: bytes) -> int:
        self._size += len(part)
        if self._size > LARGEST_BODY:
            return -1
        self._body.append(part)
        return len(part)


def _times(handle: pycurl.Curl) -> tuple[int, int]:
    """When the connection stood (with TLS that is later than without) and when the first byte came; ms."""
    connected = max(handle.getinfo(pycurl.CONNECT_TIME), handle.getinfo(pycurl.APPCONNECT_TIME))
    return round(connected * 1000), round(handle.getinfo(pycurl.STARTTRANSFER_TIME) * 1000)


def _no_way_back(_offset: int, _origin: int) -> int:
    return pycurl.SEEKFUNC_FAIL


def _last_head(lines: list[bytes]) -> dict[str, str]:
    """The headers of the answer itself: what was said in between (100 Continue) is none."""
    begin = max((place for place, line in enumerate(lines) if line.startswith(b"HTTP/")), default=0)
    parts = (line.decode("latin-1").partition(":") for line in lines[begin + 1 :])
    return {name.lower(): value.strip() for name, colon, value in parts if colon}
