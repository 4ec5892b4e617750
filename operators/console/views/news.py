"""Numbers for staff: who asked for those of which unit, and the very text that they get."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from domain.wording import LetterError
from ledger.base.clock import now
from operators.console import ground
from operators.console.lists import services_of
from operators.console.roles import may
from operators.console.unit_names import unit_names
from operators.console.views.lists import common
from operators.reports.news import news_text
from producers.news import UnitNews, newest_news


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Units and rhythms, and the text of the one of the address, else of the first, by the roll-ups as they are."""
    one, text, fault = services_of(request), "", ""
    wanted = request.GET.get("unit", ""), request.GET.get("news", "")
    with ground.reading() as connection:
        found = newest_news(connection, one.oa, now(connection))
        chosen = next((each for each in found if (each.unit, each.rhythm) == wanted), found[0] if found else None)
        try:
            text = news_text(connection, one, chosen) if chosen else ""
        except LetterError as error:
            fault = str(error)
    context = {
        "page": "news",
        "rows": [_row(each, one.oa, here=each is chosen) for each in found],
        "text": text,
        "fault": fault,
    }
    return render(request, "pages/news.html", {**context, **common(request, one)})


def news_tab(role: str) -> list[dict[str, Any]]:
    """The tab beside those of the reports, if the role may see it."""
    return [{"name": "news", "url": reverse("news"), "here": False}] if may(role, "news") else []


def _row(news: UnitNews, oa: str, *, here: bool) -> dict[str, Any]:
    query = {"oa": oa, "unit": news.unit, "news": news.rhythm.value}
    return {
        "unit": news.unit,
        "name": unit_names(oa).get(news.unit, ""),
        "rhythm": news.rhythm.value,
        "first": f"{news.first:%d/%m/%Y}",
        "last": f"{news.last:%d/%m/%Y}",
        "staff": len(news.followers),
        "untold": len(news.untold),
        "url": f"{reverse('news')}?{urlencode(query)}",
        "here": here,
    }
