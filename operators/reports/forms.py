"""The forms of a report as a file, and how each is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import BinaryIO

from sqlalchemy import Connection

from ledger.reports.statistics import ReportPeriod
from operators.reports.catalogue import MadeReport, printed
from operators.reports.printing import TooManyPages, write_pdf
from operators.reports.table import Cell, ReportTable
from operators.reports.writers import TooManyRows, write_csv, write_xlsx


class FileForm(StrEnum):
    """The form; the values are endings of names."""

    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"


MEDIA_TYPES = {
    FileForm.PDF: "application/pdf",
    FileForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileForm.CSV: "text/csv",
}

TOO_LONG = (TooManyPages, TooManyRows)
"""The errors of a report that has too many rows for its form."""


def write_report(form: FileForm, made: MadeReport, tx: Connection, file: BinaryIO) -> int:
    """Write the report in this form; returns how many rows it has. Raises the errors of `TOO_LONG`."""
    counted = CountedRows(made.table)
    if form is FileForm.PDF:
        write_pdf(printed(replace(made, table=counted.table), tx), file)
    elif form is FileForm.XLSX:
        write_xlsx(counted.table, file)
    else:
        write_csv(counted.table, file)
    return counted.number


class CountedRows:
    """Counts the rows of a report as they are read."""

    def __init__(self, table: ReportTable) -> None:
        self.number = 0
        self.table = replace(table, rows=self._rows(table))

    def _rows(self, table: ReportTable) -> Iterator[tuple[Cell, ...]]:
        for row in table.rows:
            yield row
            self.number += 1


def file_name(report: str, period: ReportPeriod, form: FileForm) -> str:
    """'reach-2026-11-01-2026-11-30.pdf': which report of which days, nothing of a person."""
    first, end = period.days
    return f"{report}-{first}-{end.fromordinal(end.toordinal() - 1)}.{form}"
