"""What the layout of every page needs: language, entries, banner. Without a session nothing is asked of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from domain.clock import to_vietnam
from ledger.notices import switches
from ledger.notices.switches import Switch
from operators.console import ground
from operators.console.kept import KeptAnswers
from operators.console.lists import LISTS
from operators.console.passes import PassHolder
from operators.console.roles import NAVIGATION, may
from operators.console.words import LANGUAGES

_SECTIONS: Mapping[str, str] = {
    "dossiers": "search",
    "people": "search",
    "searches": "search",
    "posters": "search",
    **dict.fromkeys([*LISTS, "retries", "acts"], "inbox"),
    "news": "reports",
    "switches": "system",
    "accounts": "audit",
}
"""The first part of an address → the entry that it belongs to, where that is another."""

_banner: KeptAnswers[Sequence[Switch]] = KeptAnswers(seconds=2)
forget_banner = _banner.forget


def layout(request: HttpRequest) -> dict[str, Any]:
    """Django's context processor for every template."""
    language = language_of(request)
    account = None if getattr(request, "alone", False) else getattr(request, "account", None)
    context: dict[str, Any] = {"language": language, "languages": LANGUAGES, "account": account}
    if isinstance(account, PassHolder):  # the ledger is away: neither its switches nor its clock are asked
        context |= {"entries": entries(account.role, request.path), **_moment(datetime.now(UTC))}
    elif account is not None:
        context |= {"entries": entries(account.role, request.path), "paused": paused()}
        context |= _moment(ground.deployment().shared.clock.now())
        context["may_stop_all"] = may(account.role, "switches", "POST")
    return context


def language_of(request: HttpRequest) -> str:
    """The language of this page."""
    return getattr(request, "language", LANGUAGES[0])


def entries(role: str, path: str) -> list[dict[str, Any]]:
    """The entries that this role may see."""
    first = path.split("/")[1].removesuffix(".csv")
    section, found = _SECTIONS.get(first, first), []
    for route, key in NAVIGATION:
        if may(role, route):
            url = _address(route)
            here = "page" if path == url else "true" if route == section else ""
            found.append({"url": url, "key": key, "here": here})
    return found


@cache
def _address(route: str) -> str:
    """The address of an entry."""
    return reverse(route)


def paused() -> Sequence[Switch]:
    """The switches that stop something now; asked once in two seconds for everybody."""
    return _banner.get("", _listed)


def _listed() -> Sequence[Switch]:
    with ground.reading() as connection:
        oas = {switches.EVERY_OA, *ground.deployment().names}
        return [one for one in switches.listed(connection) if one.oa in oas]


def _moment(now: datetime) -> dict[str, str]:
    """The time of day in Vietnam for the status line of a live page, and the day, which paper needs."""
    there = to_vietnam(now)
    return {"updated": f"{there:%H:%M:%S}", "today": f"{there:%d/%m/%Y}"}
