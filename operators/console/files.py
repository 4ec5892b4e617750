"""Reports as files for a browser: whole before the first byte leaves, so that a fault is a page and no half file.

Rows go to a temporary file one by one, and the ledger's connection is given back before a slow reader begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from django.http import FileResponse

from operators.reports.printing import PrintedReport, write_pdf
from operators.reports.table import ReportTable
from operators.reports.writers import write_csv, write_xlsx

MOST_ROWS = 50_000
_IN_MEMORY = 1 << 20  # bytes; more go to the disk
_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS: Mapping[str, tuple[Callable[..., None], str]] = {"csv": (write_csv, _CSV), "xlsx": (write_xlsx, _XLSX)}
"""Name and ending → how it is written, and its media type."""

PDF, MOST_PAPER = "pdf", 500
"""A print of so many rows takes a second; longer ones are exports."""

ALL_FORMS = (*FORMS, PDF)

Row = TypeVar("Row")


class TooLong(Exception):  # noqa: N818 (a limit of ours, told to people as it is)
    """The report has more rows than a request may write: `MOST_ROWS`, or `MOST_PAPER` of a print."""


def file_of(table: ReportTable, form: str, name: str) -> FileResponse:
    """The report as a file `name.form`. Raises `TooLong`, and the errors of the table's rows."""
    write, media_type = FORMS[form]
    return _whole(lambda file: write(bounded(table, MOST_ROWS), file), f"{name}.{form}", media_type)


def paper_of(report: PrintedReport, name: str) -> FileResponse:
    """The report as a PDF `name.pdf`."""
    return _whole(lambda file: write_pdf(report, file), f"{name}.{PDF}", "application/pdf")


def bounded(table: ReportTable, most: int) -> ReportTable:
    """The same report; its rows raise `TooLong` after `most` of them."""
    return replace(table, rows=_bounded(table.rows, most))


def _whole(write: Callable[[Any], None], name: str, media_type: str) -> FileResponse:
    whole: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (the response closes it)
    try:
        write(whole)
    except BaseException:
        whole.close()
        raise
    whole.seek(0)
    return FileResponse(whole, as_attachment=True, filename=name, content_type=media_type)


def _bounded(rows: Iterable[Row], most: int) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if number > most:
            raise TooLong
        yield row
