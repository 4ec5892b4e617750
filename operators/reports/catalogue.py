"""The reports that are made by name: on a page of the console, as an export, and on schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from domain.clock import to_the_second
from ledger.base import units
from ledger.reports.statistics import ReportPeriod
from operators.reports import reports
from operators.reports.dossiers import dossiers
from operators.reports.plots import plotted
from operators.reports.printing import MOST_PRINTED, PrintedReport, TooManyPages
from operators.reports.table import Cell, ReportTable

if TYPE_CHECKING:
    from worker.services.bootstrap import Services


VIETNAMESE = "vi"
"""The language of every file; only pages have another one."""


@dataclass(frozen=True, slots=True)
class KnownReport:
    """A report: its name in addresses and on the command line, and how it is made.

    `tallied`: its numbers are those of the last recount. `of_units`: it can be narrowed to a unit. `folds`: what was
    recorded for a merged unit counts for its successor, unless the old units are asked for. `make` gets the language of
    states, causes and reasons (`vi` or `en`).
    """

    name: str
    make: Callable[[Connection, Services, ReportPeriod, str], ReportTable]
    tallied: bool = True
    of_units: bool = True
    folds: bool = True


CATALOGUE: Mapping[str, KnownReport] = {
    one.name: one
    for one in (
        KnownReport("reach", lambda tx, one, period, _: reports.reach(tx, one.oa, period)),
        KnownReport("dossiers", lambda tx, one, period, _: dossiers(tx, one.oa, period)),
        KnownReport("causes", lambda tx, one, period, language: reports.causes(tx, one.oa, period, language)),
        KnownReport("delays", lambda tx, one, period, _: reports.delays(tx, one.oa, period)),
        KnownReport(
            "costs",
            lambda tx, one, period, _: reports.costs(tx, one.oa, period, one.budget.dong),
            tallied=False,
            of_units=False,
            folds=False,
        ),
        KnownReport("followers", lambda tx, one, period, _: reports.followers(tx, one.oa, period), tallied=False),
        KnownReport("scans", lambda tx, one, period, _: reports.scans(tx, one.oa, period), tallied=False),
        KnownReport(
            "bad-phones",
            lambda tx, one, period, language: reports.phones(tx, one.oa, period, language),
            tallied=False,
            folds=False,
        ),
    )
}
"""By name, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A report with what was asked for. `at`: when it was made."""

    table: ReportTable
    oa: str
    period: ReportPeriod
    at: datetime


def printed(made: MadeReport, tx: Connection) -> PrintedReport:
    """The report as it is printed, with its plot. Raises `TooManyPages`."""
    whole = listed(made.table)
    plot = plotted(whole, tx, made.oa, made.period)
    return PrintedReport(whole, plot, chosen_said(tx, made.oa, made.period, made.at))


def listed(table: ReportTable) -> ReportTable:
    """The report with its rows at hand, so that they can be read twice. Raises `TooManyPages`."""
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        if len(rows) == MOST_PRINTED:
            raise TooManyPages
        rows.append(row)
    return replace(table, rows=rows)


def chosen_said(tx: Connection, oa: str, period: ReportPeriod, at: datetime) -> list[tuple[str, str]]:
    """Names and values of what was asked for, in Vietnamese."""
    first, end = period.days
    last = end.fromordinal(end.toordinal() - 1)
    listed_unit = units.tree(tx, oa).units.get(period.unit or "")
    unit = f"{period.unit} {listed_unit.name if listed_unit else ''}".rstrip() if period.unit else "tất cả"
    told = [("Kỳ", f"{first:%d/%m/%Y} – {last:%d/%m/%Y}"), ("Đơn vị", unit)]
    if not period.folded:
        told.append(("Theo", "đơn vị lúc ghi nhận"))
    return [*told, made_at(at)]


def made_at(at: datetime) -> tuple[str, str]:
    """When a report was made, in Vietnam's time."""
    return "Lập lúc", to_the_second(at)
