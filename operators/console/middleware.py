"""What happens to every request: headers, entity tags, language, and who may do what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, QueryDict, UnreadablePostError
from django.utils import translation

from operators.console import passes
from operators.console.models import Account
from operators.console.passes import PassHolder
from operators.console.roles import PUBLIC, SESSIONLESS, WITHOUT_LEDGER, allowed, takes_forms_only
from operators.console.views.faults import bad_request, no_page, refused
from operators.console.words import LANGUAGES

Answer = Callable[[HttpRequest], HttpResponse]

_READING = frozenset({"GET", "HEAD"})

LANGUAGE_COOKIE = "hcc_language"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
)
_UPDATED = re.compile(rb"<time data-updated>([0-9:]+)</time>")
_CHANGING = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"|' + _UPDATED.pattern)
"""What differs between two answers that say the same."""


def security_headers(get_response: Answer) -> Answer:
    """A content security policy without inline code, and no copies of pages on shared computers."""
    forms = " ".join(["'self'", *filter(None, [_sign_on_origin()])])  # forms lead there by a redirect
    policy = _POLICY.format(forms=forms)

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", policy)
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.setdefault("Cache-Control", "no-store")
        return response

    return answer


def _sign_on_origin() -> str | None:
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    return "/".join(apps[0]["settings"]["server_url"].split("/")[:3]) if apps else None


def entity_tags(get_response: Answer) -> Answer:
    """Tag pages by what they say, so that a live region that did not change costs no transfer and no swap."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method != "GET" or response.status_code != 200 or response.streaming:  # noqa: PLR2004 (HTTP)
            return response
        if at := _UPDATED.search(response.content):
            response["X-Updated"] = at[1].decode()
        tag = f'"{hashlib.sha256(_CHANGING.sub(b"", response.content)).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == tag:
            unchanged = HttpResponseNotModified(headers={"ETag": tag, "X-Updated": response.get("X-Updated", "")})
            unchanged.cookies = response.cookies
            return unchanged
        response["ETag"] = tag
        return response

    return answer


def no_nul(get_response: Answer) -> Answer:
    """Refuse the one character that PostgreSQL's texts cannot have, wherever it was typed."""

    def answer(request: HttpRequest) -> HttpResponse:
        typed = [value for query in (request.GET, _form(request)) for _, values in query.lists() for value in values]
        return bad_request(request) if any("\0" in value for value in (request.path, *typed)) else get_response(request)

    return answer


def _form(request: HttpRequest) -> QueryDict:
    """The fields of a form; none where the browser went away while it sent them."""
    try:
        return request.POST
    except UnreadablePostError:
        return QueryDict()


def language(get_response: Answer) -> Answer:
    """The language that was chosen in the head of a page, else Vietnamese."""

    def answer(request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(LANGUAGE_COOKIE)
        spoken = chosen if chosen in LANGUAGES else LANGUAGES[0]
        cast("Any", request).language = spoken
        with translation.override(spoken):
            response = get_response(request)
        response.setdefault("Content-Language", spoken)
        return response

    return answer


class Gatekeeper:
    """Admits a request to its view by the table of routes and roles; each refusal is logged.

    While sessions cannot be read, a pass admits to the pages that need no ledger.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if hasattr(request, "account"):
            passes.give(request, response)
        return response

    def process_view(
        self, request: HttpRequest, _view: object, _arguments: object, _named: object
    ) -> HttpResponse | None:
        """None: the view answers."""
        match = request.resolver_match
        route = match.view_name if match else ""
        roles = allowed(route, request.method or "GET")
        if roles is PUBLIC and route in SESSIONLESS:
            return None
        known = _account(request, route)
        cast("Any", request).account = known
        if roles is None:  # PUBLIC
            return None
        if known is None:
            return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
        if known.role in roles:
            return None
        return no_page(request) if request.method in _READING and takes_forms_only(route) else refused(request, roles)


def _account(request: HttpRequest, route: str) -> Account | PassHolder | None:
    """Who asks. Raises Django's `Error` if the ledger, which has the sessions, is away and no pass helps."""
    try:
        user = cast("Any", request).user
        return cast("Account", user) if user.is_authenticated else None
    except Error:
        known = passes.holder(request) if route in WITHOUT_LEDGER and request.method in _READING else None
        if known is None:
            raise
        return known
