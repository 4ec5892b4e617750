"""Answers that several views give: a redirect after a deed, and the reason that every deed needs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from coordination.bell import ring
from coordination.connection import QueueDown
from operators.console.layout import language_of
from operators.console.words import word

LONGEST_REASON = 200


def see_other(url: str) -> HttpResponse:
    """303: the deed is done, look there."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def why_of(request: HttpRequest) -> str:
    """The reason that was typed; empty if there is none."""
    return request.POST.get("why", "").strip()[:LONGEST_REASON]


def by_of(request: HttpRequest) -> str:
    """The name under which a deed is recorded."""
    return str(cast("Any", request).account.username)


def tell(request: HttpRequest, key: str, **values: object) -> None:
    """Say a sentence at the head of the next page."""
    messages.success(request, word(language_of(request), key, **values))


def tell_fault(request: HttpRequest, key: str, **values: object) -> None:
    """Say at the head of the next page why nothing was done."""
    messages.error(request, word(language_of(request), key, **values))


def ring_for(oa: str) -> None:
    """Ring for an OA; a lost bell costs a second at most, since the workers look by themselves."""
    with suppress(QueueDown):
        ring(oa)
