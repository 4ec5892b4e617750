"""Prints a report: `templates/report/report.typ` as PDF, tagged (PDF/UA-1), in Vietnamese.

Title, what was chosen, the plot, the table with its headings on each page, totals, page numbers. The same report gives
the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import fontpkg_be_vietnam_pro
import typst

from config.places import INSTALLED
from operators.reports.drawing import draw
from operators.reports.plots import ReportPlot
from operators.reports.said import cell_said, number_said
from operators.reports.table import Cell, CellSort, ReportColumn, ReportTable

MOST_PRINTED = 5_000
"""Rows of a print: about a hundred pages. Whoever wants more wants a file for programs."""

_FOLDER = INSTALLED / "templates" / "report"
_FONTS = fontpkg_be_vietnam_pro.ROOT / "files"
_UPRIGHT = 8  # columns that fit on an upright sheet
_SUMMED = frozenset({CellSort.NUMBER, CellSort.DONG})
_WIDEST = 40  # letters that a column's width grows with
_LONG_WORD = 9
_NOT_IN_FONTS = re.compile(r"[^\x20-\u024f\u0300-\u036f\u1e00-\u1eff\u2000-\u206f\u20ab]")


class TooManyPages(Exception):  # noqa: N818 (a limit of ours, told to people as it is)
    """The report has more than `MOST_PRINTED` rows: choose fewer days or a unit, or CSV or XLSX."""


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """What is printed. `chosen`: names and values of what was asked for: period, unit, as of when."""

    table: ReportTable
    plot: ReportPlot | None
    chosen: Sequence[tuple[str, str]]


def write_pdf(report: PrintedReport, file: BinaryIO) -> None:
    """Write the report as PDF. Raises `TooManyPages`."""
    table = report.table
    rows = list(islice(table.rows, MOST_PRINTED + 1))
    if len(rows) > MOST_PRINTED:
        raise TooManyPages
    said = [[cell_said(column, cell) for column, cell in zip(table.columns, row, strict=True)] for row in rows]
    headings = [column.heading for column in table.columns]
    given = {
        "title": table.title,
        "chosen": list(report.chosen),
        "flipped": len(headings) > _UPRIGHT,
        "plot": _plot(report.plot) if report.plot else None,
        "table": "Số liệu",
        "headings": headings,
        "numeric": [column.sort is not CellSort.TEXT for column in table.columns],
        "widths": [_width(place, headings, said) for place in range(len(headings))],
        "rows": said,
        "totals": totals(table.columns, rows),
    }
    file.write(_compiled(given))


def totals(columns: Sequence[ReportColumn], rows: Sequence[tuple[Cell, ...]]) -> list[str] | None:
    """The sums of the columns that can be added up, as they are printed; None where no column can."""
    summed = [column.sort in _SUMMED and column.key != "budget" for column in columns]
    if not any(summed) or not rows:
        return None
    sums = [
        number_said(sum(row[place] or 0 for row in rows)) if is_sum else ""  # type: ignore[misc]  # numbers, by the column's sort
        for place, is_sum in enumerate(summed)
    ]
    return ["Tổng", *sums[1:]] if not summed[0] else sums


def _plot(plot: ReportPlot) -> dict[str, str]:
    """The drawing, and what it shows for those who do not see it; the numbers are in the table."""
    _, *series = plot.table.columns
    says = f"{plot.table.title}: {', '.join(column.heading for column in series)}"
    svg = draw(plot, says, [column.heading for column in series], number_said)
    return {"title": "Biểu đồ", "svg": svg.decode(), "says": says}


def _width(place: int, headings: Sequence[str], said: Sequence[Sequence[str]]) -> int:
    """A column's share of the sheet: the longest cell, but a heading may be broken between its words."""
    words = max(map(len, headings[place].split()), default=1)
    longest = max((len(row[place]) for row in said), default=1)
    return max(min(longest, _WIDEST), words, _LONG_WORD - 3)


def _compiled(given: dict[str, object]) -> bytes:
    text = json.dumps(given, ensure_ascii=False)
    try:
        return _typeset(text)
    except typst.TypstError:
        return _typeset(_NOT_IN_FONTS.sub("?", text))  # what an address had, or a source's unit


def _typeset(given: str) -> bytes:
    made = typst.compile(
        str(_FOLDER / "report.typ"),
        root=str(_FOLDER),
        font_paths=[str(_FONTS)],
        ignore_system_fonts=True,  # the same sheet on every machine
        format="pdf",
        sys_inputs={"given": given},
        pdf_standards=["ua-1"],
    )
    if not isinstance(made, bytes):  # only images come as several
        raise TypeError("a PDF is one file")
    return made
