"""The reports: a plot and a table on a page, the same rows as CSV, XLSX and PDF. Nothing is recounted for a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from sqlalchemy import Connection

from ledger.base.clock import now
from ledger.reports import tally_rounds
from ledger.reports.statistics import ReportPeriod
from operators.console import ground
from operators.console.answers import see_other, tell_fault
from operators.console.cells import heading, row_said
from operators.console.files import ALL_FORMS, MOST_PAPER, MOST_ROWS, PDF, TooLong, bounded, file_of, paper_of
from operators.console.layout import language_of
from operators.console.lists import services_of
from operators.console.numbers import number_said
from operators.console.plots import plot_file, plot_shown
from operators.console.reports import REPORTS, chosen_by, file_route, plot_route, query_of_report
from operators.console.roles import may
from operators.console.unit_names import unit_names
from operators.console.views.lists import common
from operators.console.views.news import news_tab
from operators.reports.catalogue import VIETNAMESE, MadeReport, printed
from operators.reports.plots import ReportPlot, plotted
from operators.reports.table import Cell, ReportTable
from worker.services.bootstrap import Services

_SHOWN = 500  # rows of a page; a file has all


@require_GET
def index(_: HttpRequest) -> HttpResponse:
    """The first report."""
    return see_other(reverse(next(iter(REPORTS.values())).route))


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One report by the period and the unit of its address."""
    report, one, language = REPORTS[name], services_of(request), language_of(request)
    chosen = chosen_by(request)
    names = unit_names(one.oa)
    with ground.reading() as connection:
        table = report.known.make(connection, one, chosen.period, language)
        rows = list(islice(table.rows, _SHOWN + 1))
        plot = _plot(table, rows, connection, one, chosen.period)
        at = _counted_at(connection) if report.known.tallied else None
    role, query = cast("Any", request).account.role, query_of_report(one, chosen)
    context = {
        "page": "reports",
        "report": report.known,
        "tabs": [
            {"name": each.name, "url": reverse(each.route) + query, "here": each is report}
            for each in REPORTS.values()
            if may(role, each.route)
        ] + news_tab(role),
        "chosen": chosen,
        "unit_name": names.get(chosen.period.unit or "", ""),
        "plot": plot_shown(plot, name, reverse(plot_route(report)) + query, language) if plot else None,
        "headings": [heading(column, name, language) for column in table.columns],
        "rows": [row_said(table, row, language) for row in rows[:_SHOWN]],
        "more": number_said(language, _SHOWN) if len(rows) > _SHOWN else "",
        "at": at,
        "files": [
            {"form": form.upper(), "url": reverse(file_route(report), args=[form]) + query} for form in ALL_FORMS
        ] if rows else [],
        "export_url": reverse("exports") + query if rows and may(role, "exports", "POST") else "",
    }  # fmt: skip
    return render(request, "pages/report.html", {**context, **common(request, one)})


@require_GET
def as_file(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """The same report as a file; one that would be too long is a sentence on the report's page."""
    if form not in ALL_FORMS:
        raise Http404
    report, one, chosen = REPORTS[name], services_of(request), chosen_by(request)
    try:
        with ground.reading() as connection:
            table, title = (
                report.known.make(connection, one, chosen.period, VIETNAMESE),
                f"{name}-{chosen.first}-{chosen.last}",
            )
            if form == PDF:
                short = bounded(table, MOST_PAPER)
                made = MadeReport(short, one.oa, chosen.period, now(connection))
                return paper_of(printed(made, connection), title)
            return file_of(table, form, title)
    except TooLong:
        key = "exports.too_long" if may(cast("Any", request).account.role, "exports", "POST") else "files.too_long"
        tell_fault(request, key, number=number_said(language_of(request), MOST_PAPER if form == PDF else MOST_ROWS))
        return see_other(reverse(report.route) + query_of_report(one, chosen))


@require_GET
def as_plot(request: HttpRequest, name: str) -> HttpResponse:
    """The report's plot as an SVG file, for a page or a phone (`?size=narrow`)."""
    report, one, chosen = REPORTS[name], services_of(request), chosen_by(request)
    with ground.reading() as connection:
        table = report.known.make(connection, one, chosen.period, VIETNAMESE)
        rows = list(islice(table.rows, _SHOWN + 1))
        plot = _plot(table, rows, connection, one, chosen.period)
    if plot is None:
        raise Http404
    return plot_file(request, plot, name, language_of(request))


def _plot(
    table: ReportTable, begun: list[tuple[Cell, ...]], connection: Connection, one: Services, period: ReportPeriod
) -> ReportPlot | None:
    """The plot of all rows; None of a list of dossiers that is longer than a page. `begun`: the rows read so far."""
    if not isinstance(table.rows, list) and len(begun) > _SHOWN:
        return None
    rows = table.rows if isinstance(table.rows, list) else begun
    return plotted(replace(table, rows=rows), connection, one.oa, period)


def _counted_at(connection: Connection) -> datetime | None:
    """When today was last recounted (UTC); None before the first time."""
    age = tally_rounds.age_seconds(connection)
    return None if age is None else now(connection) - timedelta(seconds=age)
