"""Passes: who was signed in a moment ago, for the page that needs no ledger while the ledger and its sessions are away.

A pass is a signed cookie with the account's number, its role and a hash of its session. It is given with the answers to
a session that was checked in the ledger, and renewed once a minute. It is good only together with that session's
cookie, for reading, for `WITHOUT_LEDGER`, and while the session cannot be asked for. So whoever signs out, or loses the
account, has lost that page too after `PASS_SECONDS` at the latest (docs/decisions/0025).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from operators.console.models import Account
from operators.console.roles import Role

COOKIE = "hcc_pass"
PASS_SECONDS = 600
_RENEWED_SECONDS = 60
_SALT = "operators.console.passes"


@dataclass(frozen=True, slots=True)
class PassHolder:
    """The account of a pass, as far as a page needs it: number and role."""

    pk: int
    role: str
    unit: str = ""
    username: ClassVar[str] = ""
    has_usable_password: ClassVar[bool] = False


def give(request: HttpRequest, response: HttpResponse) -> None:
    """Give the signed-in account of a request a pass, or a new one; take it from whoever is not signed in."""
    account = getattr(request, "account", None)
    if isinstance(account, PassHolder):
        return
    if not isinstance(account, Account) or not cast("Any", request).user.is_authenticated:
        if COOKIE in request.COOKIES:
            response.delete_cookie(COOKIE, samesite=settings.SESSION_COOKIE_SAMESITE)
        return
    known = _read(request)
    if known and known["n"] == account.pk and known["r"] == account.role and known["at"] > _now() - _RENEWED_SECONDS:
        return
    told = {"n": account.pk, "r": account.role, "s": _hash(cast("Any", request).session.session_key), "at": _now()}
    response.set_cookie(
        COOKIE,
        signing.dumps(told, salt=_SALT),
        max_age=PASS_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def holder(request: HttpRequest) -> PassHolder | None:
    """Whose pass a request has; None where it has none that is good for its session."""
    known = _read(request)
    return PassHolder(known["n"], Role(known["r"]).value) if known else None


def _read(request: HttpRequest) -> dict[str, Any] | None:
    given = request.COOKIES.get(COOKIE, "")
    try:
        known: dict[str, Any] = signing.loads(given, salt=_SALT, max_age=PASS_SECONDS) if given else {}
    except signing.BadSignature:
        return None
    session = _hash(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return known if known and constant_time_compare(known["s"], session) else None


def _hash(session: str | None) -> str:
    return salted_hmac(_SALT, session or "", algorithm="sha256").hexdigest()[:32]


def _now() -> int:
    return int(time.time())
