"""The pages for citizens: a unit's guide, and the short link of its poster. Neither needs a session or a script."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe
from sqlalchemy import Connection

from domain.code import is_unit_code, modern_unit
from domain.guide import follow_link, guide
from ledger.base import units
from ledger.base.away import AWAY, why_away
from ledger.reports.scans import count_scan
from operators.console import ground
from operators.poster.qr import qr_data
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.console")


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit of the list: whose it is, its code and its name."""

    of: Services
    code: str
    name: str


@require_safe
def show_guide(request: HttpRequest, unit: str) -> HttpResponse:
    """The six steps, the button to Zalo and its QR code. 404 for a unit that is not listed."""
    with ground.reading() as connection:
        found = _found(connection, unit)
    if found is None:
        raise Http404
    link = follow_link(found.of.oa)
    words = guide(found.of.settings.place)
    return render(request, "guide.html", {"unit": found.name, "guide": words, "link": link, "qr": qr_data(link)})


@require_safe
def follow(request: HttpRequest, unit: str) -> HttpResponse:
    """302 to the OA's page on Zalo, and one scan more. Only a number is kept: no cookie, no address.

    A poster hangs for years: with one OA its link works also while the ledger is away or when its unit is no longer
    listed; then nothing is counted. 404 if it cannot be known which OA is meant.
    """
    made = ground.deployment()
    try:
        with ground.writing() as tx:
            found = _found(tx, unit)
            if found is not None and request.method == "GET":  # HEAD: a preview, not a person
                count_scan(tx, found.of.oa, found.code)
    except AWAY as error:
        if made.several:
            raise
        log.warning("scan not counted: %s", why_away(error))
        found = None
    if found is None and made.several:
        raise Http404
    return HttpResponseRedirect(follow_link(found.of.oa if found else made.oas[0]))


def _found(tx: Connection, typed: str) -> FoundUnit | None:
    """The unit with this code, of whichever OA."""
    code = modern_unit(typed)
    if not is_unit_code(code):
        return None
    for one in ground.deployment():
        listed = units.one(tx, one.oa, code)
        if listed is not None:
            return FoundUnit(one, listed.code, listed.name)
    return None
