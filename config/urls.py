"""Check URLs with user and password: report a character that ends the password too early before a library parses it.

Each library parses `redis://:p@ss/w#rd@host` in its own way, tries to connect to a piece of the password, and shows it
in its error. So such characters must be percent-encoded (RFC 3986, 2.1) in every URL.
"""

from __future__ import annotations

import re

HOW = (
    "tài khoản hoặc mật khẩu có ký tự @ # / ? [ ] hay dấu cách; viết chúng theo mã phần trăm: "
    "@ → %40, # → %23, / → %2F, ? → %3F, [ → %5B, ] → %5D, dấu cách → %20, % → %25"
)
_PORT = "cổng phải là số, ví dụ máy:5432 (mật khẩu có @ # / ? thì viết %40 %23 %2F %3F)"

_RESERVED = re.compile(r"[@#/?\[\]\s]")
_SERVERS = re.compile(r";(?=[^;@]*(?:://|$))|;(?=[a-z]+://)")
# `user:password@host/database?key=` before the last @: then that @ is a part of the query
_QUERY = re.compile(r"[^@#/?\[\]\s]*@[\w.,:\[\]-]+/[\w%.-]*\?\w+=.*", re.DOTALL)
_HOST = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?", re.DOTALL)


def check_url(url: str) -> str:
    """Return the URL unchanged. Raises ValueError in the operator's language, never with a piece of the URL.

    `a://…;b://…` are several servers, as in Celery's URLs.
    """
    for server in _SERVERS.split(url) if ";" in url else [url]:
        _check_server(server.partition("://")[2] if "://" in server else server)
    return url


def _check_server(rest: str) -> None:
    """`rest` is what follows the scheme."""
    if rest.startswith("/"):  # a file: sqlite:////var/…
        return
    user, at, place = rest.rpartition("@")
    if at and _RESERVED.search(user):
        if not _QUERY.fullmatch(user):
            raise ValueError(HOW)
        place = rest.partition("@")[2]
    for host in re.split(r"[/?#]", place, maxsplit=1)[0].split(","):
        port = _HOST.fullmatch(host)
        if port and port["port"] and not (port["port"].isascii() and port["port"].isdecimal()):
            raise ValueError(_PORT)
