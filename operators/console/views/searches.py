"""The first page: one box for a dossier's code or a phone. Neither a phone nor a name ever stands in an address."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from sqlalchemy import Connection

from domain.desk_search import phone_meant
from domain.phone import masked_national
from domain.spelling import looks_like_a_code, spellings
from ledger.base.audit import audit
from ledger.reports import reports
from operators.console import ground
from operators.console.answers import LONGEST_REASON, see_other
from operators.console.people_met import meet
from operators.console.roles import DESK
from operators.console.views.faults import refused

_LONGEST = 2000  # characters of what is typed: a whole message or link may be pasted
_REASON = "phone_search_reason"


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The box."""
    return render(request, "pages/search.html", {"typed": "", "page": "search"})


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """303 to the dossier or to the person; a text that is neither a code nor a phone is answered here."""
    typed = request.POST.get("q", "")[:_LONGEST].strip()
    if not typed:
        return HttpResponseRedirect(reverse("search"))
    phone = phone_meant(typed)
    with ground.reading() as connection:
        code = _code(connection, typed)
        if code is not None and (phone is None or _is_known(connection, code)):
            return see_other(reverse("dossier", args=[code]))
    return _by_phone(request, typed, phone.e164) if phone and phone.e164 else _unreadable(request, typed)


def _by_phone(request: HttpRequest, typed: str, phone: str) -> HttpResponse:
    """A search by phone is recorded with its reason, which is asked once a session."""
    account = cast("Any", request).account
    if account.role not in DESK:
        return refused(request, DESK)
    reason = (request.POST.get("reason") or request.session.get(_REASON, "")).strip()[:LONGEST_REASON]
    if not reason:
        return render(request, "pages/search.html", {"typed": typed, "asks_reason": True, "page": "search"})
    request.session[_REASON] = reason
    made = ground.deployment()
    with ground.writing() as tx:
        found = made.shared.people.known(tx, made.oas, phone)
        subject = ", ".join(f"person {one}" for one in found) or "nobody"
        audit(tx, made.oas[0], "phone search", subject, by=account.username, why=reason)
    meet(request, found)
    if len(found) == 1:
        return see_other(reverse("person", args=[found[0]]))
    return render(request, "pages/search.html", {"page": "search", "phone": masked_national(phone), "people": found})


def _code(connection: Connection, typed: str) -> str | None:
    """The code that is meant: the only known one, else the likeliest spelling, whose page says which are alike.

    None for a text without the shape of a code: it may be a name, and the ledger knows no such dossier.
    """
    try:
        codes = spellings(typed)
    except ValueError:
        return None
    known = {code for oa in ground.deployment().oas for code in reports.known_codes(connection, oa, codes)}
    if len(known) == 1:
        return known.pop()
    return codes[0] if known or looks_like_a_code(codes[0]) else None


def _is_known(connection: Connection, code: str) -> bool:
    return any(reports.known_codes(connection, oa, [code]) for oa in ground.deployment().oas)


def _unreadable(request: HttpRequest, typed: str) -> HttpResponse:
    return render(request, "pages/search.html", {"typed": typed, "unreadable": True, "page": "search"})
