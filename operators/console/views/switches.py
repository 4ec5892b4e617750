"""Switches: an operator stops a kind, a channel, a unit, an OA or everything, and lets it go again.

They are in the ledger, so a flushed Redis lifts none; the sweep gives their notices the time back.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.channels import CHANNEL_FACTS
from domain.code import is_unit_code, modern_unit
from domain.kinds import RANK
from ledger.base.audit import audit
from ledger.base.away import AWAY
from ledger.base.clock import now
from ledger.notices import held_counts, switches
from ledger.notices.switches import EVERY_OA, SORTS
from operators.console import ground, layout, vitals
from operators.console.answers import by_of, ring_for, see_other, tell, tell_fault, why_of
from operators.console.lists import services_of
from operators.console.pauses import pause_said
from operators.console.roles import may
from operators.console.unit_names import unit_names
from operators.console.views.system import HOURS, held_said, switch_choices

_NAMELESS = frozenset({"oa", "all"})
_LONGEST = 64  # of a unit
_COUNTING_SECONDS = 0.5  # where it does not suffice, the workers count within a minute


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """What is stopped now, and the form; POST stops something."""
    if request.method == "POST":
        return _stop(request)
    return _page(request)


@require_POST
def end(request: HttpRequest, number: int) -> HttpResponse:
    """Let it go again; its notices do not age for the time that they were stopped."""
    why = why_of(request)
    if not why:
        return _page(request, fault="lacks_reason", status=400)
    with ground.writing() as tx:
        one = switches.of_number(tx, number)
        if one is not None and one.oa not in {EVERY_OA, *ground.deployment().names}:
            raise Http404
        if one is not None:
            switches.switch_on(tx, one.oa, one.sort, one.name)
            audit(tx, one.oa, "switch on", one.told, by=by_of(request), why=why)
    _forget()
    if one is None:
        tell_fault(request, "switches.over")
    else:
        tell(request, "switches.on", what=pause_said(layout.language_of(request), one))
        for oa in ground.deployment().oas if one.oa == EVERY_OA else [one.oa]:
            ring_for(oa)
    return see_other(reverse("switches"))


def _stop(request: HttpRequest) -> HttpResponse:
    sort, name, why = request.POST.get("sort", ""), _name(request), why_of(request)
    if sort not in SORTS:
        raise Http404
    fault = "lacks_reason" if not why else _fault(sort, name)
    if fault:
        return _page(request, fault=fault, status=400)
    whose = services_of(request).oa if sort == "oa" or request.POST.get("oa") else EVERY_OA
    hours = request.POST.get("hours", "")
    with ground.writing() as tx:
        until = now(tx) + timedelta(hours=int(hours)) if hours in map(str, HOURS) else None
        one = switches.switch_off(tx, whose, sort, name, until=until, by=by_of(request), why=why)
        if one is not None:
            audit(tx, whose, "switch off", one.told, by=by_of(request), why=why)
    _forget()
    if one is None:
        tell_fault(request, "switches.ending")
    else:
        made = ground.deployment()
        with suppress(*AWAY):  # the switch is thrown; workers count too
            held_counts.count_held(made.shared.ledger, made.oas, seconds=_COUNTING_SECONDS)
        tell(request, "switches.off", what=pause_said(layout.language_of(request), one))
    return see_other(reverse("switches"))


def _name(request: HttpRequest) -> str:
    """The name in the field of the chosen sort; a kind and a channel are chosen from a list, a unit is typed."""
    sort = request.POST.get("sort", "")
    given = request.POST.get(f"name_{sort}", "").strip()[:_LONGEST]
    return "" if sort in _NAMELESS else given.upper() if sort == "unit" else given


def _fault(sort: str, name: str) -> str:
    """A misspelt name would silently stop nothing."""
    known = {"kind": list(RANK), "channel": list(CHANNEL_FACTS)}.get(sort)
    if sort not in _NAMELESS and not name:
        return "lacks_name"
    misspelt = name not in known if known is not None else sort == "unit" and not _is_unit(name)
    return "unknown_name" if misspelt else ""


def _is_unit(name: str) -> bool:
    """A code of the national form, or a unit of the province's list."""
    return is_unit_code(modern_unit(name)) or any(name in unit_names(oa) for oa in ground.deployment().oas)


def _forget() -> None:
    layout.forget_banner()
    vitals.forget()


def _page(request: HttpRequest, *, fault: str = "", status: int = 200) -> HttpResponse:
    made, language = ground.deployment(), layout.language_of(request)
    layout.forget_banner()
    with ground.reading() as connection:
        shown = [held_said(one, language) for one in switches.listed(connection)]
    context = {
        "page": "switches",
        "live": False,
        "switches": shown,
        "fault": fault,
        "chosen": request.POST.get("sort", ""),
        "typed_why": request.POST.get("why", ""),
        "oas": [{"oa": oa, "name": name} for oa, name in made.names.items()] if made.several else [],
        "may_stop": may(cast("Any", request).account.role, "switches", "POST"),
        **switch_choices(),
    }
    return render(request, "pages/switches.html", context, status=status)
