"""The schedule of retries, from Redis alone; beside it the ledger's number, and why the two may differ."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from coordination.connection import QueueDown
from ledger.base.away import AWAY
from ledger.notices import lists
from operators.console import ground
from operators.console.layout import language_of
from operators.console.lists import services_of
from operators.console.numbers import count_said, number_said
from operators.console.stored_reasons import said
from operators.console.views.lists import common
from worker.services.bootstrap import Services

_PAGE = 50
_FURTHEST = 100_000


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Fifty entries by their time; without Redis the page says so."""
    one, language = services_of(request), language_of(request)
    given = request.GET.get("from", "")
    offset = min(int(given), _FURTHEST) if given.isascii() and given.isdecimal() and len(given) < 7 else 0  # noqa: PLR2004 (digits)
    context = {"page": "retries", "live": offset == 0, "in_ledger": _in_ledger(one, language)}
    try:
        number = one.schedule.count_ahead(one.oa)
        rows = one.schedule.page(one.oa, offset, _PAGE)
    except QueueDown:
        return render(request, "pages/retries.html", {**context, "away": True, **common(request, one)})
    context |= {
        "number": number_said(language, number),
        "rows": [{"retry": row, "reason": said(language, row.reason)} for row in rows],
        "following": offset + _PAGE if offset + _PAGE < number else None,
    }
    return render(request, "pages/retries.html", {**context, **common(request, one)})


def _in_ledger(one: Services, language: str) -> str:
    """How many the ledger has; empty while it does not answer in time: the list does not need it."""
    try:
        with ground.reading() as connection:
            return count_said(language, lists.count_scheduled(connection, one.oa))
    except AWAY:
        return ""
