"""Verbs on many notices: first how many, which and at what cost; then an act that the workers carry on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from sqlalchemy import Connection

from domain.lifecycle import State
from ledger.base.bounds import bound
from ledger.base.clock import now
from ledger.notices import lists, verbs
from ledger.notices.lists import BoundedCount, ListedNotice, ListSummary
from ledger.notices.verbs import Choice, Deed
from ledger.reports import acts
from ledger.reports.acts import Act
from operators.console import ground
from operators.console.answers import by_of, ring_for, see_other, tell_fault, why_of
from operators.console.layout import language_of
from operators.console.lists import LISTS, NoticeList, choice_of, filters, moment_of, query_of, services_of
from operators.console.numbers import count_said, number_said
from operators.console.stored_reasons import said
from operators.console.unit_names import unit_names
from operators.console.views.lists import cells
from worker.services.bootstrap import Services

_SHOWN = 20
_COUNTING_SECONDS = 6.0  # listing the notices of an act may take longer than a page's question
_DIGITS = 18


@require_safe
def new(request: HttpRequest, name: str, verb: str) -> HttpResponse:
    """How many, of what cause, the first twenty, what it may cost; nothing is done."""
    return _preview(request, LISTS[name], verb, choice_of(request, request.GET))


@require_POST
def begin(request: HttpRequest, name: str, verb: str) -> HttpResponse:
    """Record the act over exactly what was shown, and go to its page."""
    listing, one, choice = LISTS[name], services_of(request), choice_of(request, request.POST)
    deed, why = listing.many[verb].get(request.POST.get("verdict", "")), why_of(request)
    shown = replace(choice, upto=_number(request, "upto"), as_of=moment_of(request.POST, "as_of"))
    if shown.upto is None or shown.as_of is None:
        raise Http404
    if deed is None or not why:
        fault = "lacks_verdict" if deed is None else "lacks_reason"
        return _preview(request, listing, verb, choice, fault=fault, status=400)
    most = _number(request, "shown")
    with ground.writing() as tx:
        bound(tx, _COUNTING_SECONDS)
        by = by_of(request)
        act = verbs.unfinished(tx, one.oa, deed, shown, by=by, why=why) or verbs.begin(
            tx, one.oa, deed, shown, by=by, why=why, in_background=True
        )
        grown = most is not None and act.total > most
        if grown or act.total == 0:
            tx.rollback()
    if grown or act.total == 0:
        fault = "changed" if grown else "nothing"
        return _preview(request, listing, verb, choice, fault=fault, status=409)
    _begin_at_once(act, deed)
    return see_other(reverse("act", args=[act.id]))


def _begin_at_once(act: Act, deed: Deed) -> None:
    """Finish a small act now, so that nobody waits for a sweep; a large one is left to the workers."""
    if act.total > verbs.PAGE:
        return
    with ground.writing() as tx:
        taken = acts.take(tx, act.id)
        if taken is not None:
            verbs.next_page(tx, taken)
            acts.end(tx, taken)
    if deed.after is not State.DISCARDED:
        ring_for(act.oa)


def _preview(
    request: HttpRequest, listing: NoticeList, verb: str, choice: Choice, *, fault: str = "", status: int = 200
) -> HttpResponse:
    one, language = services_of(request), language_of(request)
    names = unit_names(one.oa)  # before a connection is taken, so that nobody holds two
    with ground.reading() as connection:
        as_of, found, rows = _shown(connection, one, listing, choice)
    total = found.total
    if total.number == 0 and not fault:
        tell_fault(request, "bulk.nothing")
        return see_other(reverse(listing.name) + query_of(one, choice))
    context = {
        "page": listing.name,
        "list": listing,
        "verb": verb,
        "fault": fault,
        "total": count_said(language, total),
        "shown": "" if total.more else total.number,
        "upto": rows[0].id if rows else 0,
        "as_of": as_of.isoformat(),
        "rows": cells(rows, language, names),
        "causes": [
            {"said": said(language, one_.cause), "number": number_said(language, one_.number)} for one_ in found.causes
        ],
        "choice": choice,
        "unit_name": names.get(choice.unit or "", ""),
        "kept": {"oa": one.oa, **filters(choice)},
        "cost": _cost(one, listing.many[verb].values(), total, language),
        "verdicts": [name for name in listing.many[verb] if name],
        "verdict": request.POST.get("verdict", ""),
        "back": reverse(listing.name) + query_of(one, choice),
    }
    return render(request, "pages/bulk.html", context, status=status)


def _shown(
    connection: Connection, one: Services, listing: NoticeList, choice: Choice
) -> tuple[datetime, ListSummary, list[ListedNotice]]:
    """The ledger's time before the count, the numbers, and the first notices."""
    as_of = now(connection)
    found = lists.summary(connection, one.oa, listing.state, choice)
    rows, _ = lists.page(connection, one.oa, listing.state, choice, limit=_SHOWN)
    return as_of, found, rows


def _cost(one: Services, deeds: Iterable[Deed], total: BoundedCount, language: str) -> dict[str, str] | None:
    """What it costs at most by the price list, if each goes by the dearest channel; None where nothing is sent."""
    if all(deed.after is State.DISCARDED for deed in deeds):
        return None
    known = one.settings
    dearest = max(known.all_channels, key=lambda name: known.prices.get(name, 0))
    price = known.prices.get(dearest, 0)
    return {
        "channel": dearest,
        "price": number_said(language, price),
        "most": count_said(language, BoundedCount(price * total.number, total.more)),
    }


def _number(request: HttpRequest, name: str) -> int | None:
    given = request.POST.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= _DIGITS else None
