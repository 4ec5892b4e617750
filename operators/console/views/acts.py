"""Acts on many notices: how far each is, stopped and taken up again."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from sqlalchemy import Connection

from ledger.base.audit import audit
from ledger.notices import verbs
from ledger.reports import acts
from ledger.reports.acts import Act
from operators.console import ground
from operators.console.answers import by_of, see_other, tell_fault, why_of
from operators.console.layout import language_of
from operators.console.lists import LISTS
from operators.console.numbers import length_said, number_said
from operators.console.stored_reasons import said
from operators.console.words import named

_LISTED = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The newest acts, by console and command line alike."""
    language = language_of(request)
    with ground.reading() as connection:
        found = acts.listed(connection, ground.deployment().oas, limit=_LISTED)
    context = {"page": "acts", "live": True, "acts": [_progress(act, language) for act in found]}
    return render(request, "pages/acts.html", context)


@require_safe
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One act: bar, done of total, rate, and the button that stops it."""
    with ground.reading() as connection:
        act = _act(connection, number)
    language = language_of(request)
    context = {
        "page": "act",
        "live": act.open,
        "act": act,
        "progress": _progress(act, language),
        "filter": [(name, _filter_said(language, name, value)) for name, value in act.filter.items() if name in _SHOWN],
        "back": _list_of(act),
    }
    return render(request, "pages/act.html", context)


@require_POST
def stop(request: HttpRequest, number: int) -> HttpResponse:
    """Stop before the next page; what is done stays done."""
    with ground.writing() as tx:
        act = _act(tx, number)
        stopped = acts.stop(tx, number, by=by_of(request))
        if stopped:
            audit(tx, act.oa, "act stop", f"act {number}", by=by_of(request), why=why_of(request) or "–")
    if not stopped:
        tell_fault(request, "acts.over")
    return see_other(reverse("act", args=[number]))


@require_POST
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Let the workers go on with it."""
    with ground.writing() as tx:
        act = _act(tx, number)
        taken_up = acts.take_up(tx, number, in_background=True)
        if taken_up:
            audit(tx, act.oa, "act resume", f"act {number}", by=by_of(request), why=why_of(request) or "–")
    if not taken_up:
        tell_fault(request, "acts.over")
    return see_other(reverse("act", args=[number]))


_SHOWN = ("kind", "cause", "reason", "code", "unit", "since", "until", "ids")


def _act(connection: Connection, number: int) -> Act:
    act = acts.read(connection, number)
    if act is None or act.oa not in ground.deployment().names:
        raise Http404
    return act


def _progress(act: Act, language: str) -> dict[str, Any]:
    """The numbers of an act as people read them; `state` names the words for it."""
    seconds = ((act.until or act.touched_at) - act.since).total_seconds()
    rate = act.done / seconds if seconds > 0 and act.done else 0.0
    state = "over" if act.until else "stopped" if act.stopped_at else "open"
    return {
        "act": act,
        "state": state,
        "verb": act.verb.replace(" ", "_").replace("-", "_"),
        "done": number_said(language, act.done),
        "total": number_said(language, act.total),
        "percent": 100 if act.until else min(99, 100 * act.done // max(1, act.total)),
        "rate": number_said(language, round(rate)) if rate >= 1 else "",
        "left": length_said(language, (act.total - act.done) / rate)
        if rate >= 1 and act.open and act.total - act.done > rate
        else "",
        "passed_over": number_said(language, act.total - act.done) if act.until and act.done < act.total else "",
    }


def _filter_said(language: str, name: str, value: object) -> object:
    if name == "kind":
        return named(language, "kinds", str(value))
    return said(language, str(value)).text if name == "cause" else value


def _list_of(act: Act) -> str:
    """The list that the act's notices come from."""
    before = verbs.DEEDS[act.verb].before
    return next(reverse(listing.name) for listing in LISTS.values() if listing.state is before)
