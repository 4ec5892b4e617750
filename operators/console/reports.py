"""The reports that the console shows, in one table, and what an address chooses of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.http import HttpRequest

from ledger.reports.statistics import ReportPeriod
from operators.console import ground
from operators.console.lists import unit_of
from operators.reports.catalogue import CATALOGUE, KnownReport
from operators.reports.days import period_of
from worker.services.bootstrap import Services


@dataclass(frozen=True, slots=True)
class ConsoleReport:
    """A report with its route."""

    known: KnownReport
    route: str

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.known.name


_ROUTES = {"bad-phones": "report_phones"}
REPORTS: Mapping[str, ConsoleReport] = {
    name: ConsoleReport(known, _ROUTES.get(name, f"report_{name}")) for name, known in CATALOGUE.items()
}
"""By name, in the order of the tabs."""


def file_route(report: ConsoleReport) -> str:
    """The URL name of the report as a file."""
    return f"{report.route}_file"


def plot_route(report: ConsoleReport) -> str:
    """The URL name of the report's plot."""
    return f"{report.route}_plot"


@dataclass(frozen=True, slots=True)
class ChosenReport:
    """What an address chooses. `backwards`: its first day is after its last, so the period is the usual one.

    `at`: the day with which the page begins.
    """

    period: ReportPeriod
    backwards: bool
    at: date

    @property
    def first(self) -> date:
        """The first day."""
        return self.period.days[0]

    @property
    def last(self) -> date:
        """The last day."""
        return date.fromordinal(self.period.days[1].toordinal() - 1)


def chosen_by(request: HttpRequest) -> ChosenReport:
    """The period and the unit of an address; what is no day is left out. A clerk sees the own unit only."""
    since, until = _day(request, "since"), _day(request, "until")
    unit, folded = unit_of(request, request.GET), request.GET.get("units") != "old"
    found = period_of(since, until, unit, folded=folded)
    usual = found or period_of(None, None, unit, folded=folded)
    if usual is None:
        raise AssertionError("a period up to today begins before it ends")
    (first, end), at = usual.days, _day(request, "at")
    return ChosenReport(usual, found is None, at if at is not None and first <= at < end else first)


def query_of_report(one: Services, chosen: ChosenReport) -> str:
    """The query of an address for the same period and unit."""
    period = chosen.period
    given = {
        "oa": one.oa if ground.deployment().several else None,
        "since": chosen.first.isoformat(),
        "until": chosen.last.isoformat(),
        "unit": period.unit or None,
        "units": None if period.folded else "old",
    }
    return "?" + urlencode({name: value for name, value in given.items() if value is not None})


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None
    return found if _EARLIEST <= found <= _LATEST else None


_EARLIEST, _LATEST = date(2020, 1, 1), date(2100, 1, 1)  # before Zalo's messages, and a slip of the finger
