"""Pages for what goes wrong: each says what it is and what to do, and none needs the ledger."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, cast

from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from requests import RequestException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import InterfaceError as OfDriver

from config.faults import chain, in_a_line, keep
from ledger.base.away import AWAY, is_of_one_statement, why_away
from operators.console.roles import Role

log = logging.getLogger("hcc.console")

_RETRY_SECONDS = "60"
_AWAY = (*AWAY, OperationalError, InterfaceError, OfDriver)
"""Of the ledger's engine, and of Django's connection to the accounts. Other errors of a statement are our faults."""

_TOO_SLOW = "57014"  # query_canceled: its time-out


def refused(request: HttpRequest, roles: Iterable[Role]) -> HttpResponse:
    """403: names the roles that may do this. It is logged, with the account's number."""
    account = getattr(request, "account", None)
    told = (getattr(account, "pk", None), getattr(account, "role", None), request.method, _route(request))
    log.warning("refused account=%s role=%s method=%s route=%s", *told)
    return _page(request, "refused", 403, roles=sorted(roles))


def bad_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its token, mostly one that stayed open overnight."""
    log.warning("form refused: %s", reason)
    return _page(request, "bad_form", 403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 (Django calls by name)
    """400."""
    return _page(request, "bad_request", 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 (Django calls by name)
    """403, raised by a view or by allauth."""
    return refused(request, [])


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 (Django calls by name)
    """404."""
    return _page(request, "not_found", 404)


def no_page(request: HttpRequest) -> HttpResponse:
    """405: an address that only takes a form was opened by itself, from the history or a bookmark."""
    response = _page(request, "no_page", 405)
    response["Allow"] = "POST"
    return response


def away(request: HttpRequest) -> HttpResponse:
    """503: the ledger is away."""
    response = _page(request, "away", 503)
    response["Retry-After"] = _RETRY_SECONDS
    return response


def failed(request: HttpRequest) -> HttpResponse:
    """503 if the ledger or the sign-on server is away or a question took too long, else 500 with a number."""
    error = sys.exc_info()[1] or RuntimeError("unknown")
    if isinstance(error, RequestException):  # only single sign-on calls anybody
        log.warning("single sign-on away: %s route=%s", type(error).__name__, _route(request))
        return _page(request, "sign_on_away", 503)
    if _is_slow(error):
        log.warning("slow route=%s", _route(request))
        return _page(request, "slow", 503)
    if isinstance(error, _AWAY):
        log.warning("ledger away: %s route=%s", why_away(error), _route(request))
        return away(request)
    number, _ = keep(error, "hcc console")
    log.error("fault %s: %s route=%s", number, in_a_line(error), _route(request))
    return _page(request, "fault", 500, number=number)


def _is_slow(error: BaseException) -> bool:
    """Whether a statement was ended by its time-out while the ledger answers."""
    if isinstance(error, DBAPIError):
        return is_of_one_statement(error) and getattr(error.orig, "pgcode", None) == _TOO_SLOW
    return any(getattr(one, "pgcode", None) == _TOO_SLOW for one in chain(error))


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else "?"


_ALONE = frozenset({"away", "slow", "fault"})
"""Pages without entries and banner: those would ask the ledger."""


def _page(request: HttpRequest, sort: str, status: int, **more: Any) -> HttpResponse:
    cast("Any", request).alone = sort in _ALONE
    return render(request, "fault.html", {"sort": sort, "status": status, **more}, status=status)
