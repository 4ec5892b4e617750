"""Prints a report or writes it to a file: `--json`, `--csv FILE`, `--xlsx FILE`, `--pdf FILE`, or else a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from operators.cli.context import deployment, every
from operators.cli.exits import Ended
from operators.cli.output import Command, as_json, print_json, print_table, say
from operators.cli.output_file import whole_file
from operators.cli.progress import working
from operators.reports.said import cell_said
from operators.reports.table import Cell, CellSort, ReportColumn, ReportTable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.reports.statistics import ReportPeriod
    from worker.services.bootstrap import Services

_OA = ReportColumn("oa", "OA")


@dataclass(frozen=True, slots=True)
class OutputForm:
    """Where a report goes; without any of these it is a table on the screen."""

    as_json: bool = False
    csv: str | None = None
    xlsx: str | None = None
    pdf: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether a file was asked for. Raises `UsageError` for more than one form."""
        files = [one is not None for one in (self.csv, self.xlsx, self.pdf)]
        if sum((self.as_json, *files)) > 1:
            raise click.UsageError("Chỉ chọn một trong --json, --csv, --xlsx, --pdf.")
        return any(files)


def output_form(command: Command) -> Command:
    """Add the options for the form of a report."""
    comma = click.option("--csv", metavar="TỆP|-", help="Ghi ra tệp CSV (mở được bằng Excel).")
    sheet = click.option("--xlsx", metavar="TỆP", help="Ghi ra tệp Excel.")
    paper = click.option("--pdf", metavar="TỆP", help="Ghi ra tệp PDF để in.")
    return as_json(comma(sheet(paper(command))))


def show(
    make: Callable[[Connection, Services], ReportTable],
    period: ReportPeriod | None,
    oa: str | None,
    form: OutputForm,
    *,
    empty: str = "Không có số liệu nào trong kỳ.",
    tallied: bool = True,
) -> None:
    """Make the report of one OA or of all, and output it.

    `tallied`: recount the roll-ups of the period first; without a period none are read.
    """
    from ledger.reports import tally_rounds

    to_file = form.is_file
    with deployment() as made:
        with working("Đang tính"):
            if tallied and period is not None:
                tally_rounds.bring_up(made.shared.ledger, *period.days)
        with made.shared.ledger.connect() as connection:
            every_one = every(made, oa)
            table = _joined([(one.oa, make(connection, one)) for one in every_one], several=made.several)
            if form.pdf is not None:
                _print_on_paper(table, connection, every_one, period, form.pdf)
            elif to_file:
                _write(table, form)
            else:
                _print(table, form, empty)


def _joined(tables: Sequence[tuple[str, ReportTable]], *, several: bool) -> ReportTable:
    """One table for all OAs, with a column for the OA if there are several."""
    _, first = tables[0]
    if not several:
        return first
    rows = chain.from_iterable(((oa, *row) for row in table.rows) for oa, table in tables)
    return ReportTable(first.name, first.title, (_OA, *first.columns), rows)


def _print(table: ReportTable, form: OutputForm, empty: str) -> None:
    with working("Đang đọc"):
        rows = list(table.dicts())
    if form.as_json:
        print_json(rows)
        return
    headings = {column.key: column.heading for column in table.columns}
    columns = {column.key: column for column in table.columns}
    print_table(headings, [{key: _shown(columns[key], cell) for key, cell in row.items()} for row in rows], empty=empty)


def _shown(column: ReportColumn, cell: Cell) -> Cell:
    """Days and shares as people read them; numbers stay numbers, which a table sets to the right."""
    is_number = cell is None or (column.sort is not CellSort.SHARE and not isinstance(cell, str))
    return cell if is_number else cell_said(column, cell)


def _print_on_paper(
    table: ReportTable, connection: Connection, every_one: Sequence[Services], period: ReportPeriod | None, path: str
) -> None:
    """Of one OA with a plot; of several, or of no period, as one table."""
    from ledger.base.clock import now
    from operators.reports.catalogue import MadeReport, chosen_said, listed, made_at, printed
    from operators.reports.printing import MOST_PRINTED, PrintedReport, TooManyPages, write_pdf

    one, at = every_one[0], now(connection)
    try:
        with working("Đang ghi"), whole_file(Path(path)) as file:
            if period is None:
                paper = PrintedReport(listed(table), None, [made_at(at)])
            elif len(every_one) == 1:
                paper = printed(MadeReport(table, one.oa, period, at), connection)
            else:
                paper = PrintedReport(listed(table), None, chosen_said(connection, one.oa, period, at))
            write_pdf(paper, file)
    except TooManyPages:
        raise Ended(f"Báo cáo dài hơn {MOST_PRINTED} dòng: chọn ít ngày hơn, hoặc --csv, --xlsx.") from None
    say(f"Đã ghi {path}.", err=True)


def _write(table: ReportTable, form: OutputForm) -> None:
    from operators.reports.writers import TooManyRows, write_csv, write_xlsx

    if form.csv == "-":
        write_csv(table, sys.stdout.buffer)
        return
    path = Path(str(form.csv if form.csv is not None else form.xlsx))
    write = write_csv if form.csv is not None else write_xlsx
    try:
        with working("Đang ghi"), whole_file(path) as file:
            write(table, file)
    except TooManyRows:
        raise Ended("Báo cáo dài hơn một trang tính Excel: chọn ít ngày hơn, hoặc --csv.") from None
    say(f"Đã ghi {path}.", err=True)
