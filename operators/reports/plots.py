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

from domain.delays import quantiles
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


def _step(period: ReportPeriod) -> str:
    first, end = period.days
    return "month" if (end - first).days > _DAYS else "day"


def _at(day: date, step: str) -> str:
    return f"{day:%Y-%m}" if step == "month" else day.isoformat()


def _reach(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    series, step = ("sent", "not_follower", "bad_phone", "failed", "pending"), _step(period)
    found = statistics.reach_by_step(tx, oa, period, step)
    rows: _Rows = [(_at(day, step), *[counts[name] for name in series]) for day, counts in found]
    return _over_time(PlotShape.STACKED, table, step, series, rows)


def _dossiers(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    step = _step(period)
    counted: dict[date, Counter[str]] = {}
    for day, state, cause, channel, number in report_rows.dossiers_by_step(tx, oa, period, step):
        counted.setdefault(day, Counter())[fate(state, cause, channel)] += number
    rows: _Rows = [(_at(day, step), *[counts[name] for name in FATES]) for day, counts in counted.items()]
    return _over_time(PlotShape.STACKED, table, step, tuple(FATES), rows)


def _delays(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    """The quantiles of all units together: they cannot be had from those of the units."""
    step = _step(period)
    found = report_rows.delays_by_step(tx, oa, period, step)
    rows = [(_at(day, step), *quantiles(counts)) for day, counts in found]
    return _over_time(PlotShape.NESTED, table, step, ("p50", "p95", "p99"), rows)


def _followers(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    return _numbers(table, report_rows.new_followers(tx, oa, period), _step(period))


def _scans(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    return _numbers(table, scans.scans(tx, oa, period), _step(period))


def _numbers(table: ReportTable, found: Iterable[tuple[date, str | None, Sequence[int]]], step: str) -> ReportPlot:
    """The sums of the numbers over the units."""
    summed: Counter[str] = Counter()
    for day, _unit, (number,) in found:
        summed[_at(day, step)] += number
    return _over_time(PlotShape.STACKED, table, step, ("number",), list(summed.items()))


def _by_text(label: str, most: int = 12) -> _Plot:
    """The numbers of a column of texts, the largest first; each row counts as its `number`, else as one."""

    def made(table: ReportTable, _tx: Connection, _oa: str, _period: ReportPeriod) -> ReportPlot:
        counted: Counter[str] = Counter()
        for row in table.dicts():
            counted[str(row[label] or "–")] += int(row.get("number", 1) or 0)
        columns = (_column(table, label), ReportColumn("number", "Số lượng", CellSort.NUMBER))
        return ReportPlot(PlotShape.BARS, _table(table, columns, counted.most_common(most)))

    return made


def _costs(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    """Đồng over time, one series for each channel."""
    step = _step(period)
    paid: dict[str, Counter[str]] = {}
    for day, channel, _messages, dong in report_rows.costs(tx, oa, period):
        paid.setdefault(_at(day, step), Counter())[channel] += dong
    channels = sorted({channel for counts in paid.values() for channel in counts})
    rows: _Rows = [(at, *[counts[channel] for channel in channels]) for at, counts in paid.items()]
    series = (ReportColumn(channel, channel, CellSort.DONG) for channel in channels)
    return ReportPlot(PlotShape.STACKED, _table(table, (_AXES[step], *series), rows))


_AXES = {"day": DAY, "month": MONTH}


def _over_time(shape: PlotShape, table: ReportTable, step: str, series: Iterable[str], rows: _Rows) -> ReportPlot:
    return ReportPlot(shape, _table(table, (_AXES[step], *(_column(table, name) for name in series)), rows))


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
