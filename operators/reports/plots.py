"""What the plot of each report shows: a small table whose first column is the axis and whose others are the series.

The same table stands beside the plot, for people who read rather than look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection

from domain.delays import added, quantiles
from ledger.reports import report_rows, scans, statistics
from ledger.reports.statistics import ReportPeriod
from operators.reports.dossiers import FATES, fate
from operators.reports.table import DAY, MONTH, Cell, CellSort, ReportColumn, ReportTable


class PlotShape(StrEnum):
    """How the series are drawn."""

    STACKED = "stacked"  # columns; the series of a label add up
    NESTED = "nested"  # columns; each series contains the one before
    BARS = "bars"  # one series, with long labels
    LINES = "lines"  # over many labels


@dataclass(frozen=True, slots=True)
class ReportPlot:
    """`table`: a text first, then one column of numbers for each series; its rows are a list."""

    shape: PlotShape
    table: ReportTable


_Rows: TypeAlias = Sequence[tuple[Cell, ...]]
_Plot: TypeAlias = Callable[[ReportTable, Connection, str, ReportPeriod], ReportPlot]

_DAYS = 92
"""Over more days a column of the plot is a month: nobody tells 365 columns apart."""


def plotted(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot | None:
    """The plot of a report; None where there is nothing to show.

    That of a report by day asks the roll-ups again, that of another one needs rows which are a list.
    """
    made = _PLOTS[table.name](table, tx, oa, period) if table.name in _PLOTS else None
    return made if made is not None and made.table.rows else None


def _reach(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    series = ("sent", "not_follower", "bad_phone", "failed", "pending")
    return _stacked(table, period, series, statistics.reach_by_day(tx, oa, period))


def _dossiers(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    found = report_rows.dossiers_by_day(tx, oa, period)
    fates = ((day, {fate(state, cause, channel): number}) for day, state, cause, channel, number in found)
    return _stacked(table, period, tuple(FATES), fates)


def _followers(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    found = report_rows.new_followers(tx, oa, period)
    return _stacked(table, period, ("number",), ((day, {"number": number}) for day, _unit, (number,) in found))


def _scans(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    found = scans.scans(tx, oa, period)
    return _stacked(table, period, ("number",), ((day, {"number": number}) for day, _unit, (number,) in found))


def _stacked(
    table: ReportTable, period: ReportPeriod, series: Sequence[str], found: Iterable[tuple[date, Mapping[str, int]]]
) -> ReportPlot:
    """The sums of these columns over time."""
    rows: _Rows = [(at, *[counts[name] for name in series]) for at, counts in _summed(found, period).items()]
    return _over_time(PlotShape.STACKED, table, period, [_column(table, name) for name in series], rows)


def _costs(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    """Đồng over time, one series for each channel."""
    found = report_rows.costs(tx, oa, period)
    paid = _summed(((day, {channel: dong}) for day, channel, _messages, dong in found), period)
    channels = sorted({channel for counts in paid.values() for channel in counts})
    rows: _Rows = [(at, *[counts[channel] for channel in channels]) for at, counts in paid.items()]
    series = [ReportColumn(channel, channel, CellSort.DONG) for channel in channels]
    return _over_time(PlotShape.STACKED, table, period, series, rows)


def _delays(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    """The quantiles of all units together: they cannot be had from those of the units."""
    counted: dict[str, list[int]] = {}
    for day, counts in report_rows.delays_by_day(tx, oa, period):
        at = _at(day, period)
        counted[at] = added([counted[at], counts]) if at in counted else list(counts)
    rows = [(at, *quantiles(counts)) for at, counts in counted.items()]
    series = [_column(table, name) for name in ("p50", "p95", "p99")]
    return _over_time(PlotShape.NESTED, table, period, series, rows)


def _summed(found: Iterable[tuple[date, Mapping[str, int]]], period: ReportPeriod) -> dict[str, Counter[str]]:
    """The sums of numbers by name, for each column of the plot."""
    summed: dict[str, Counter[str]] = {}
    for day, numbers in found:
        summed.setdefault(_at(day, period), Counter()).update(numbers)
    return summed


def _at(day: date, period: ReportPeriod) -> str:
    """The label of a day's column: '2026-11-09', or '2026-11'."""
    return f"{day:%Y-%m}" if _by_month(period) else day.isoformat()


def _by_month(period: ReportPeriod) -> bool:
    first, end = period.days
    return (end - first).days > _DAYS


def _over_time(
    shape: PlotShape, table: ReportTable, period: ReportPeriod, series: Iterable[ReportColumn], rows: _Rows
) -> ReportPlot:
    return ReportPlot(shape, _table(table, (MONTH if _by_month(period) else DAY, *series), rows))


def _by_text(label: str, most: int = 12) -> _Plot:
    """The numbers of a column of texts, the largest first; each row counts as its `number`, else as one."""

    def made(table: ReportTable, _tx: Connection, _oa: str, _period: ReportPeriod) -> ReportPlot:
        counted: Counter[str] = Counter()
        for row in table.dicts():
            counted[str(row[label] or "–")] += int(row.get("number", 1) or 0)
        columns = (_column(table, label), ReportColumn("number", "Số lượng", CellSort.NUMBER))
        return ReportPlot(PlotShape.BARS, _table(table, columns, counted.most_common(most)))

    return made


def _table(table: ReportTable, columns: tuple[ReportColumn, ...], rows: _Rows) -> ReportTable:
    return ReportTable(table.name, table.title, columns, rows)


def _column(table: ReportTable, key: str) -> ReportColumn:
    return next(column for column in table.columns if column.key == key)


_PLOTS: Mapping[str, _Plot] = {
    "reach": _reach,
    "dossiers": _dossiers,
    "causes": _by_text("cause"),
    "delays": _delays,
    "costs": _costs,
    "followers": _followers,
    "scans": _scans,
    "bad-phones": _by_text("reason"),
}
