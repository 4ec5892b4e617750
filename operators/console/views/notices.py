"""Verbs on one notice: tried again, dropped, released, or a doubt decided; each with a name and a reason."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from domain.lifecycle import State
from ledger.notices import lists, verbs
from ledger.notices.lists import ListedNotice
from ledger.notices.verbs import Deed
from operators.console import ground
from operators.console.answers import by_of, ring_for, see_other, tell, why_of
from operators.console.lists import LISTS


@require_POST
def do(request: HttpRequest, name: str, verb: str, number: int) -> HttpResponse:
    """Do it and go back; where somebody was faster, say who and when."""
    deed = _deed(request, name, verb)
    why = why_of(request)
    if not why:
        return _refused(request, name, number, "lacks_reason", status=400)
    with ground.writing() as tx:
        found = lists.one(tx, number)
        if found is None or found[0] not in ground.deployment().names:
            raise Http404
        oa, row = found
        done = verbs.do_one(tx, oa, deed, number, by=by_of(request), why=why)
        step = None if done else verbs.last_step(tx, number)
    if not done:
        return _refused(request, name, number, "conflict", row=row, step=step, status=409)
    if deed.after is not State.DISCARDED:
        ring_for(oa)
    tell(request, f"done.{deed.verb.replace(' ', '_').replace('-', '_')}", code=row.dossier)
    return see_other(_back(request, name))


def _deed(request: HttpRequest, name: str, verb: str) -> Deed:
    """The deed of an address; a verdict is in the form. Raises `Http404`."""
    chosen = request.POST.get("verdict", "") if verb == "verdict" else verb
    try:
        return LISTS[name].one[chosen]
    except KeyError:
        raise Http404 from None


def _back(request: HttpRequest, name: str) -> str:
    back = request.POST.get("next", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else reverse(name)


def _refused(
    request: HttpRequest,
    name: str,
    number: int,
    sort: str,
    *,
    status: int,
    row: ListedNotice | None = None,
    step: dict[str, object] | None = None,
) -> HttpResponse:
    context = {"page": name, "sort": sort, "number": number, "notice": row, "step": step, "back": _back(request, name)}
    return render(request, "pages/conflict.html", context, status=status)
