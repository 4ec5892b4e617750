"""Cells as Vietnamese people read them, for what is printed."""

from __future__ import annotations

from operators.reports.table import Cell, CellSort, ReportColumn

DAYS = frozenset({"day", "month", "filed"})
"""The columns whose cells are days or months: '2026-11-09', '2026-11'."""


def number_said(number: float) -> str:
    """'12.345'."""
    return f"{number:,.0f}".translate(_SIGNS)


def cell_said(column: ReportColumn, cell: Cell) -> str:
    """The cell as text: '12.345', '66,7 %', '29/11/2026'; a dash where there is nothing."""
    if cell is None or cell == "":
        return "–"
    if isinstance(cell, str):
        return "/".join(reversed(cell.split("-"))) if column.key in DAYS else cell
    return f"{100 * cell:.1f} %".translate(_SIGNS) if column.sort is CellSort.SHARE else number_said(cell)


_SIGNS = str.maketrans(",.", ".,")
