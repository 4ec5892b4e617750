"""Classify why a server could not be reached, in one place: ledger, dossier database, Redis, broker, Zalo.

Drivers report the cause by types, by numbers and by messages. Their messages are never passed on, since they contain
addresses, accounts and pieces of URLs. psycopg2 gives no SQLSTATE for a refused connection, so there the server's
message decides. It is English unless `lc_messages` is set otherwise; then the cause is `OTHER`.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from enum import Enum

from config.faults import chain


class Cause(Enum):
    """A cause: its text for logs, and its text for operators with what to do."""

    REFUSED = "connection refused", "máy chủ từ chối kết nối; xem chương trình đã chạy chưa, địa chỉ và cổng đúng chưa"
    NO_NAME = "host name not resolved", "không tìm ra tên máy; kiểm tra tên máy đã ghi và DNS"
    NO_ROUTE = "no route", "không có đường mạng đến máy chủ; kiểm tra mạng và địa chỉ"
    TIMEOUT = "no answer in time", "máy chủ không trả lời trong thời hạn; xem mạng, tường lửa, máy chủ có treo không"
    PASSWORD = "access refused", "máy chủ không nhận tài khoản hoặc mật khẩu; kiểm tra tài khoản, mật khẩu và quyền"
    NO_DATABASE = "no such database", "máy chủ không có cơ sở dữ liệu này; kiểm tra tên, hoặc tạo trước"
    TLS = (
        "TLS not agreed",
        "không thống nhất được TLS; kiểm tra chứng thư, tên máy chủ, SSL_CERT_FILE (Zalo: HCC_CA_FILE)",
    )
    FULL = "no free connection", "máy chủ đã hết chỗ kết nối; xem `hcc connections` và docs/scaling.md"
    STARTING = "not ready yet", "máy chủ đang khởi động hoặc đang tắt; chờ một lúc rồi thử lại"
    CLOSED = "connection closed", "kết nối bị cắt giữa chừng; xem nhật ký của máy chủ và mạng"
    OTHER = "no connection", "không rõ nguyên nhân; xem nhật ký của máy chủ"

    def __init__(self, english: str, vietnamese: str) -> None:
        self.english = english
        self.vietnamese = vietnamese


_TYPES: tuple[tuple[type[BaseException], Cause], ...] = (
    (ssl.SSLError, Cause.TLS),  # before its parent, OSError
    (ConnectionRefusedError, Cause.REFUSED),
    (socket.gaierror, Cause.NO_NAME),
    (ConnectionResetError, Cause.CLOSED),
    (BrokenPipeError, Cause.CLOSED),
    (TimeoutError, Cause.TIMEOUT),
)
_NUMBERS = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.EHOSTUNREACH: Cause.NO_ROUTE,
    errno.ENETUNREACH: Cause.NO_ROUTE,
    errno.ETIMEDOUT: Cause.TIMEOUT,
    errno.ECONNRESET: Cause.CLOSED,
}
_STATES = {  # SQLSTATE
    "28P01": Cause.PASSWORD,
    "28000": Cause.PASSWORD,
    "3D000": Cause.NO_DATABASE,
    "53300": Cause.FULL,
    "57P01": Cause.CLOSED,
    "57P02": Cause.CLOSED,
    "57P03": Cause.STARTING,
}
_SAID = {  # messages of servers and drivers; the first match wins
    Cause.PASSWORD: (
        r"password authentication failed", r"no password supplied", r"no pg_hba\.conf entry",
        r"role \S+ does not exist",
        r"\b1045\b", r"\b18456\b", r"ORA-01017",  # MySQL, SQL Server, Oracle
        r"WRONGPASS", r"NOAUTH", r"invalid (username-)?password", r"without any password", r"Authentication required",
        r"ACCESS_REFUSED", r"Login was refused", r"access refused",  # RabbitMQ
    ),
    Cause.NO_DATABASE: (
        r"database .* does not exist", r"\b1049\b", r"\b4060\b", r"ORA-1251[24]", r"unable to open database file",
        r"DB index is out of range", r"vhost .* not found",  # Redis, RabbitMQ
    ),
    Cause.FULL: (r"too many (clients|connections)", r"connection slots are reserved", r"max number of clients"),
    Cause.TLS: (r"\bSSL\b", r"\bTLS\b", r"certificate", r"WRONG_VERSION_NUMBER"),
    Cause.NO_NAME: (
        r"could not translate host name", r"name or service not known", r"nodename nor servname", r"name resolution",
        r"getaddrinfo", r"host name not resolved", r"No address associated",
    ),
    Cause.REFUSED: (r"connection refused", r"errno 111\b", r"error 111\b"),
    Cause.NO_ROUTE: (r"no route to host", r"network is unreachable"),
    Cause.TIMEOUT: (r"timed? ?out", r"timeout"),
    Cause.STARTING: (r"starting up", r"shutting down", r"in recovery mode", r"LOADING", r"loading the dataset"),
    Cause.CLOSED: (r"closed", r"reset by peer", r"\bEOF\b", r"terminating connection"),
}  # fmt: skip
_WORDS = tuple((re.compile("|".join(patterns), re.IGNORECASE), cause) for cause, patterns in _SAID.items())


def cause_of(error: BaseException | str) -> Cause:
    """The cause, by the most specific link of the chain: a driver's code before types, types before messages.

    A string is a wire's own message.
    """
    if isinstance(error, str):
        return _by_words(error)
    links = [link for one in chain(error) for link in (one, getattr(one, "orig", None)) if link is not None]
    for judge in (_by_state, _by_type, _by_number):
        for link in links:
            if (found := judge(link)) is not None:
                return found
    return next((found for link in links if (found := _by_words(str(link))) is not Cause.OTHER), Cause.OTHER)


def because(said: str) -> str:
    """The cause in a wire's message, in words for operators; the message itself if it names no cause."""
    cause = cause_of(said)
    return said if cause is Cause.OTHER else cause.vietnamese


def not_reached(what: str, error: BaseException | str) -> str:
    """'Không kết nối được Redis (HCC_REDIS_URL): máy chủ từ chối kết nối; …', for operators."""
    return f"Không kết nối được {what}: {cause_of(error).vietnamese}."


def _by_state(link: object) -> Cause | None:
    return _STATES.get(getattr(link, "pgcode", None) or "")


def _by_type(link: object) -> Cause | None:
    return next((cause for kind, cause in _TYPES if isinstance(link, kind)), None)


def _by_number(link: object) -> Cause | None:
    return _NUMBERS.get(link.errno or 0) if isinstance(link, OSError) else None


def _by_words(words: str) -> Cause:
    return next((cause for pattern, cause in _WORDS if pattern.search(words)), Cause.OTHER)
