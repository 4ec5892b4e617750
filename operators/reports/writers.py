"""Writes a report as CSV or XLSX, row by row: the memory does not grow with the rows.

CSV: a byte order mark and CRLF, as Excel wants it. A text that a spreadsheet would take for a formula gets an
apostrophe. XLSX: texts are written as texts, so codes and days stay what they are.
"""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

import xlsxwriter

from operators.reports.table import Cell, CellSort, ReportTable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FORMATS = {
    CellSort.TEXT: {"num_format": "@"},
    CellSort.NUMBER: {"num_format": "#,##0"},
    CellSort.SHARE: {"num_format": "0.0%"},
    CellSort.SECONDS: {"num_format": "#,##0"},
    CellSort.DONG: {"num_format": "#,##0"},
}
_WIDTH = 18  # of a column, in letters
_SHEET_ROWS = 1_048_576  # of Excel
_NO_GUESSES = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


class TooManyRows(Exception):  # noqa: N818 (a limit of the format, told to the operator as it is)
    """A sheet of Excel has no room for the report: choose fewer days, or CSV."""


def write_csv(table: ReportTable, file: BinaryIO) -> None:
    """Write the report as CSV (UTF-8 with a byte order mark, commas, CRLF)."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.heading for column in table.columns])
    sorts = [column.sort for column in table.columns]
    for row in table.rows:
        writer.writerow([_csv_cell(cell, sort) for cell, sort in zip(row, sorts, strict=True)])
    text.detach()


def _csv_cell(cell: Cell, sort: CellSort) -> str:
    if cell is None:
        return ""
    if sort is CellSort.SHARE:
        return f"{float(cell):.4f}"
    return guarded(str(cell)) if isinstance(cell, str) else str(cell)


def guarded(cell: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def write_xlsx(table: ReportTable, file: BinaryIO) -> None:
    """Write the report as one sheet, its heading frozen. Raises `TooManyRows`."""
    book = xlsxwriter.Workbook(file, {"constant_memory": True, **_NO_GUESSES})
    book.set_properties({"title": table.title})
    sheet = book.add_worksheet(table.name)
    sheet.freeze_panes(1, 0)
    formats = [book.add_format(_FORMATS[column.sort]) for column in table.columns]
    bold = book.add_format({"bold": True, "text_wrap": True})
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _WIDTH)
        sheet.write_string(0, place, column.heading, bold)
    number = 0
    try:
        for number, row in enumerate(table.rows, 1):
            if number >= _SHEET_ROWS:
                raise TooManyRows
            for place, cell in enumerate(row):
                _write(sheet, number, place, cell, formats[place])
        sheet.autofilter(0, 0, number, len(table.columns) - 1)
    finally:
        book.close()  # also removes its temporary files


def _write(sheet: Any, row: int, place: int, cell: Cell, form: Any) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(row, place, cell, form)
    else:
        sheet.write_number(row, place, cell, form)
