"""Exports: large reports that a process of its own makes, for whoever asked; kept for 72 hours."""

from __future__ import annotations

from typing import Any, cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from ledger.base.audit import audit
from ledger.reports import exports
from ledger.reports.exports import AskedExport, ExportState, ReportExport
from operators.console import ground
from operators.console.answers import by_of, see_other, tell, tell_fault
from operators.console.files import ALL_FORMS
from operators.console.layout import language_of
from operators.console.lists import services_of
from operators.console.numbers import number_said
from operators.console.reports import REPORTS, chosen_by, file_route, query_of_report
from operators.console.roles import allowed, may
from operators.console.views.faults import refused
from operators.reports.exporting import begin_export, path_of
from operators.reports.forms import MEDIA_TYPES, FileForm
from worker.upkeep import old_exports

_AT_ONCE = 2


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """GET: the own exports and how far they are. POST: ask for one, with the period of the address."""
    if request.method == "POST":
        return _ask(request)
    language = language_of(request)
    with ground.reading() as connection:
        found = exports.listed(connection, by_of(request))
    context = {"page": "exports", "live": True, "exports": [_said(one, language) for one in found]}
    return render(request, "pages/exports.html", context)


@require_safe
def as_file(request: HttpRequest, number: int) -> HttpResponseBase:
    """The file, for the account that asked for it, as long as its role may have the report."""
    with ground.reading() as connection:
        export = exports.found(connection, number)
    if export is None or export.by != by_of(request) or export.state is not ExportState.DONE:
        raise Http404
    route = file_route(REPORTS[export.report])
    if not may(_role(request), route):
        return refused(request, allowed(route, "GET") or frozenset())
    try:
        file = path_of(old_exports.EXPORTS, export).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    with ground.writing() as tx:
        audit(tx, export.oa, "export download", f"export {number}", by=by_of(request), why="–")
    media_type = MEDIA_TYPES[FileForm(export.form)]
    name = f"{export.report}-{export.first}-{export.last}.{export.form}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=media_type)


def _ask(request: HttpRequest) -> HttpResponse:
    report, form = REPORTS.get(request.POST.get("report", "")), request.POST.get("form", "")
    if report is None or form not in ALL_FORMS:
        raise Http404
    if not may(_role(request), file_route(report)):
        return refused(request, allowed(file_route(report), "GET") or frozenset())
    one, chosen = services_of(request), chosen_by(request)
    asked = AskedExport(
        one.oa, report.name, form, chosen.first, chosen.last, chosen.period.unit, chosen.period.folded, by_of(request)
    )
    with ground.writing() as tx:
        exports.take_turn(tx)
        if exports.in_hand(tx, asked):
            tell(request, "exports.begun")
            return see_other(reverse("exports"))
        if exports.running(tx) >= _AT_ONCE:
            tell_fault(request, "exports.busy")
            return see_other(reverse(report.route) + query_of_report(one, chosen))
        number = exports.ask(tx, asked)
        told = f"export {number}: {report.name} {form} {chosen.first} {chosen.last}"
        audit(tx, one.oa, "export", told, by=by_of(request), why="–")
    begin_export(number, old_exports.EXPORTS)
    old_exports.remove_old_files(old_exports.EXPORTS)  # also where the workers are on another host
    tell(request, "exports.begun")
    return see_other(reverse("exports"))


def _said(export: ReportExport, language: str) -> dict[str, Any]:
    return {
        "export": export,
        "rows": number_said(language, export.rows),
        "kilobytes": number_said(language, max(1, round((export.bytes or 0) / 1000))),
        "until": export.asked_at + exports.KEPT,
    }


def _role(request: HttpRequest) -> str:
    return str(cast("Any", request).account.role)
