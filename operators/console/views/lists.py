"""The lists of notices that wait for somebody: by cause first, then page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from sqlalchemy import Connection

from domain.kinds import RANK
from ledger.notices import lists
from ledger.notices.lists import CauseGroup, ListedNotice
from ledger.notices.verbs import Choice
from operators.console import ground, pieces
from operators.console.answers import see_other, tell_fault
from operators.console.files import MOST_ROWS, TooLong, file_of
from operators.console.layout import language_of
from operators.console.lists import FILTERS, LISTS, NoticeList, choice_of, filters, query_of, services_of
from operators.console.numbers import count_said, number_said
from operators.console.paging import before
from operators.console.roles import Role, may
from operators.console.stored_reasons import said
from operators.console.unit_names import unit_names
from operators.console.words import named
from operators.reports.desk import unreachable
from worker.services.bootstrap import Services


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for somebody: each list with its number and its most frequent causes."""
    one, language = services_of(request), language_of(request)
    choice = choice_of(request, request.GET)
    with ground.reading() as connection:
        shown = [_summary(connection, one, listing, choice, language) for listing in LISTS.values()]
    context = {"page": "inbox", "live": True, "lists": shown, "nothing": not any(each["number"] for each in shown)}
    return render(request, "pages/inbox.html", {**context, **common(request, one)})


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One list: its causes on the first page, and fifty notices."""
    listing, one, language = LISTS[name], services_of(request), language_of(request)
    choice, mark = choice_of(request, request.GET), before(request)
    with ground.reading() as connection:
        found = lists.summary(connection, one.oa, listing.state, choice)
        rows, following = lists.page(connection, one.oa, listing.state, choice, after=mark)
    role = cast("Any", request).account.role
    several = {"oa": one.oa} if ground.deployment().several else {}
    context = {
        "page": name,
        "live": mark is None,
        "list": listing,
        "total": count_said(language, found.total),
        "causes": [_cause(group, one, choice, language) for group in found.causes] if mark is None else [],
        "rows": cells(rows, language, unit_names(one.oa)),
        "next": following,
        "kept": {**several, **filters(choice)},
        "choice": choice,
        "cause_said": said(language, choice.cause) if choice.cause is not None else None,
        "kinds": list(RANK),
        "verbs": [verb for verb in listing.one if may(role, one_route(name, verb), "POST")],
        "many": _many(listing, one, choice, role) if found.total.number else [],
        "hides": role == Role.VIEWER,
        "file": _file(name, query_of(one, choice), role) if found.total.number else "",
        "unit_name": unit_names(one.oa).get(choice.unit or "", ""),
        "without_cause": query_of(one, _without_cause(choice)),
    }
    return render(request, "pages/list.html", {**context, **common(request, one)})


@require_safe
def desk_file(request: HttpRequest) -> HttpResponseBase:
    """Whom nobody could reach, as a file for the desk, by the filters of the address."""
    one, choice = services_of(request), choice_of(request, request.GET)
    grace = timedelta(days=one.settings.follow_grace_days)
    try:
        with ground.reading() as connection:
            return file_of(unreachable(connection, one.oa, choice, one.sealer, grace), "csv", "unreachable")
    except TooLong:
        tell_fault(request, "files.too_long", number=number_said(language_of(request), MOST_ROWS))
        return see_other(reverse("unreachable") + query_of(one, choice))


def common(request: HttpRequest, one: Services) -> dict[str, Any]:
    """What pages of one OA share: the choice of the OA, and whether the account lacks a unit."""
    made, account = ground.deployment(), cast("Any", request).account
    return {
        "oa": one.oa,
        "oas": [{"oa": oa, "name": name} for oa, name in made.names.items()] if made.several else [],
        "filter_names": FILTERS,
        "lacks_unit": account.role == Role.VIEWER and not account.unit,
    }


def one_route(name: str, verb: str) -> str:
    """The URL name of a verb on one notice; both verdicts on an uncertain one have one address."""
    return "uncertain_verdict" if name == "uncertain" else f"{name}_{verb}"


def cells(rows: Sequence[ListedNotice], language: str, names: Mapping[str, str]) -> list[dict[str, object]]:
    """The cells of a list's rows, by the names that its stencil has."""
    return [
        {
            "id": row.id,
            "plain": row.dossier,
            "dossier": pieces.dossier(row.dossier),
            "unit": pieces.unit(row.unit, names.get(row.unit or "", "")),
            "kind": named(language, "kinds", row.kind),
            "reason": pieces.reason(language, said(language, row.reason)),
            "attempts": row.attempts,
            "code": pieces.code(language, row.code),
            "recorded_at": pieces.moment(row.recorded_at),
        }
        for row in rows
    ]


def _summary(
    connection: Connection, one: Services, listing: NoticeList, choice: Choice, language: str
) -> dict[str, Any]:
    found = lists.summary(connection, one.oa, listing.state, choice)
    return {
        "name": listing.name,
        "url": reverse(listing.name) + query_of(one, choice),
        "number": found.total.number,
        "total": count_said(language, found.total),
        "causes": [_cause(group, one, choice, language) for group in found.causes[:3]],
        "more": len(found.causes) > 3,  # noqa: PLR2004 (as above)
    }


def _cause(group: CauseGroup, one: Services, choice: Choice, language: str) -> dict[str, Any]:
    narrowed = query_of(one, _without_cause(choice), cause=group.cause)
    return {
        "said": said(language, group.cause),
        "number": number_said(language, group.number),
        "kinds": group.kinds,
        "codes": group.codes,
        "first_at": group.first_at,
        "last_at": group.last_at,
        "query": narrowed,
    }


def _without_cause(choice: Choice) -> Choice:
    return Choice(kind=choice.kind, code=choice.code, unit=choice.unit)


def _file(name: str, query: str, role: str) -> str:
    """The address of the list as a file; empty where there is none for this role."""
    return reverse("unreachable_file") + query if name == "unreachable" and may(role, "unreachable_file") else ""


def _many(listing: NoticeList, one: Services, choice: Choice, role: str) -> list[dict[str, str]]:
    return [
        {"verb": verb, "url": reverse(f"{listing.name}_{verb}_new") + query_of(one, choice)}
        for verb in listing.many
        if may(role, f"{listing.name}_{verb}", "POST")
    ]
