"""The reports: a plot and a table on a page, the same rows as CSV, XLSX and PDF. Nothing is recounted for a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from sqlalchemy import Connection

from ledger.base.clock import now
from ledger.reports import tally_rounds
from operators.console import ground
from operators.console.answers import see_other, tell_fault
from operators.console.cells import heading, row_said
from operators.console.files import ALL_FORMS, MOST_PAPER, MOST_ROWS, PDF, TooLong, bounded, file_of, paper_of
from operators.console.layout import language_of
from operators.console.lists import services_of
from operators.console.numbers import number_said
from operators.console.plots import plot_file, plot_shown
from operators.console.reports import REPORTS, ChosenReport, chosen_by, file_route, plot_route, query_of_report
from operators.console.roles import may
from operators.console.unit_names import unit_names
from operators.console.views.lists import common
from operators.console.views.news import news_tab
from operators.reports.catalogue import VIETNAMESE, KnownReport, MadeReport, printed
from operators.reports.days import since_day
from operators.reports.plots import ReportPlot, plotted
from operators.reports.table import Cell, ReportTable, first_days
from worker.services.bootstrap import Services

_SHOWN = 100  # rows of a page, or a few more: days are whole
_LISTED = 500  # rows of a page of a report that is not by day


@require_safe
def index(_: HttpRequest) -> HttpResponse:
    """The first report."""
    return see_other(reverse(next(iter(REPORTS.values())).route))


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One report by the period and the unit of its address."""
    report, one, language = REPORTS[name], services_of(request), language_of(request)
    chosen = chosen_by(request)
    names = unit_names(one.oa)
    with ground.reading() as connection:
        shown = _shown(report.known, connection, one, chosen, language)
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
        "plot": plot_shown(shown.plot, name, reverse(plot_route(report)) + query, language) if shown.plot else None,
        "headings": [heading(column, name, language) for column in shown.table.columns],
        "rows": [row_said(shown.table, row, language) for row in shown.rows],
        "more": number_said(language, _LISTED) if shown.is_cut else "",
        "next_url": f"{reverse(report.route)}{query}&at={shown.next_day}" if shown.next_day else "",
        "at": at,
        "files": [
            {"form": form.upper(), "url": reverse(file_route(report), args=[form]) + query} for form in ALL_FORMS
        ] if shown.rows else [],
        "export_url": reverse("exports") + query if shown.rows and may(role, "exports", "POST") else "",
    }  # fmt: skip
    return render(request, "pages/report.html", {**context, **common(request, one)})


@require_safe
def as_file(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """The same report as a file; one that would be too long is a sentence on the report's page."""
    if form not in ALL_FORMS:
        raise Http404
    report, one, chosen = REPORTS[name], services_of(request), chosen_by(request)
    title = f"{name}-{chosen.first}-{chosen.last}"
    try:
        with ground.reading() as connection:
            table = report.known.make(connection, one, chosen.period, VIETNAMESE)
            if form == PDF:
                short = bounded(table, MOST_PAPER)
                made = MadeReport(short, one.oa, chosen.period, now(connection))
                return paper_of(printed(made, connection), title)
            return file_of(table, form, title)
    except TooLong:
        key = "exports.too_long" if may(cast("Any", request).account.role, "exports", "POST") else "files.too_long"
        tell_fault(request, key, number=number_said(language_of(request), MOST_PAPER if form == PDF else MOST_ROWS))
        return see_other(reverse(report.route) + query_of_report(one, chosen))


@require_safe
def as_plot(request: HttpRequest, name: str) -> HttpResponse:
    """The report's plot as an SVG file, for a page or a phone (`?size=narrow`)."""
    report, one, chosen = REPORTS[name], services_of(request), chosen_by(request)
    with ground.reading() as connection:
        plot = _shown(report.known, connection, one, chosen, VIETNAMESE).plot
    if plot is None:
        raise Http404
    return plot_file(request, plot, name, language_of(request))


@dataclass(frozen=True, slots=True)
class _ShownReport:
    """What a page shows of a report. `next_day`: where its next page begins; `is_cut`: only a file has all rows."""

    table: ReportTable
    rows: list[tuple[Cell, ...]]
    plot: ReportPlot | None
    next_day: str | None = None
    is_cut: bool = False


def _shown(
    known: KnownReport, connection: Connection, one: Services, chosen: ChosenReport, language: str
) -> _ShownReport:
    """Whole days from the chosen one on; of a report that is not by day the first rows, without a plot of a part."""
    table = known.make(connection, one, since_day(chosen.period, chosen.at), language)
    if table.is_by_day:
        rows, next_day = first_days(table, _SHOWN)
        return _ShownReport(table, rows, plotted(table, connection, one.oa, chosen.period), next_day)
    rows = list(islice(table.rows, _LISTED + 1))
    if len(rows) > _LISTED:
        return _ShownReport(table, rows[:_LISTED], None, is_cut=True)
    return _ShownReport(table, rows, plotted(replace(table, rows=rows), connection, one.oa, chosen.period))


def _counted_at(connection: Connection) -> datetime | None:
    """When today was last recounted (UTC); None before the first time."""
    age = tally_rounds.age_seconds(connection)
    return None if age is None else now(connection) - timedelta(seconds=age)
