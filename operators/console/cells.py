"""The headings and cells of reports as people read them in the language of a page."""

from __future__ import annotations

from typing import Any

from operators.console.numbers import number_said, share_said
from operators.console.words import named
from operators.reports.said import DAYS
from operators.reports.table import Cell, CellSort, ReportColumn, ReportTable

_VIETNAMESE = "unit_name"  # the column whose cells are names, which are not translated


def heading_said(column: ReportColumn, name: str, language: str) -> str:
    """The heading of a column of the report `name`."""
    return named(language, f"reports.columns.{name}", column.key)


def heading(column: ReportColumn, name: str, language: str) -> dict[str, Any]:
    """The heading, and whether numbers stand below it."""
    return {"said": heading_said(column, name, language), "number": column.sort is not CellSort.TEXT}


def row_said(table: ReportTable, row: tuple[Cell, ...], language: str) -> list[dict[str, Any]]:
    """The cells of a row of the report."""
    return [_cell(column, cell, language) for column, cell in zip(table.columns, row, strict=True)]


def _cell(column: ReportColumn, cell: Cell, language: str) -> dict[str, Any]:
    return {
        "said": _said(column, cell, language),
        "number": column.sort is not CellSort.TEXT,
        "dossier": cell if column.key == "code" else "",
        "lang": "vi" if column.key == _VIETNAMESE and language != "vi" else "",
    }


def _said(column: ReportColumn, cell: Cell, language: str) -> str:
    if cell is None or cell == "":
        return "–"
    if column.key in DAYS:
        return "/".join(str(cell).split("-")[::-1])
    if column.key == "channel":
        return named(language, "channels", str(cell))
    if column.sort is CellSort.SHARE:
        return share_said(language, float(cell))
    return str(cell) if column.sort is CellSort.TEXT else number_said(language, round(float(cell)))
