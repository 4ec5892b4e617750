"""A report's plot for a page: the addresses of its drawings, and the same numbers as a table."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from operators.console.cells import heading_said, row_said
from operators.console.numbers import number_said
from operators.console.words import named, word
from operators.reports.drawing import NARROW, WIDE, draw
from operators.reports.plots import ReportPlot
from operators.reports.table import CellSort, ReportColumn

_NARROW = "narrow"


def plot_shown(plot: ReportPlot, name: str, url: str, language: str) -> dict[str, Any]:
    """What `parts/plot.html` needs. `url`: of the drawing, with a query; `name`: of the report in the words."""
    rows = [row for row in plot.table.rows if any(row[1:])]  # what is nothing is seen in the drawing
    return {
        "url": url,
        "name": name,
        "narrow_url": f"{url}{'&' if '?' in url else '?'}size={_NARROW}",
        "says": plot_said(plot, name, language),
        "headings": [
            {"said": series_said(column, name, language), "number": place > 0}
            for place, column in enumerate(plot.table.columns)
        ],
        "rows": [row_said(plot.table, row, language) for row in rows],
    }


def plot_file(request: HttpRequest, plot: ReportPlot, name: str, language: str) -> HttpResponse:
    """The drawing, in the size of the address."""
    _, *series = (series_said(column, name, language) for column in plot.table.columns)
    width = NARROW if request.GET.get("size") == _NARROW else WIDE
    drawn = draw(plot, plot_said(plot, name, language), series, lambda one: number_said(language, round(one)), width)
    return HttpResponse(drawn, content_type="image/svg+xml")


def plot_said(plot: ReportPlot, name: str, language: str) -> str:
    """What the plot shows, for people who do not see it: its title and its series; the table has the numbers."""
    _, *series = (series_said(column, name, language) for column in plot.table.columns)
    return word(language, "reports.plot_says", title=named(language, "reports.titles", name), series=", ".join(series))


def series_said(column: ReportColumn, name: str, language: str) -> str:
    """The name of a series; those of costs are channels."""
    if name == "costs" and column.sort is not CellSort.TEXT:
        return named(language, "channels", column.key)
    return heading_said(column, name, language)
