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

from domain.delays import added, quantile
from ledger.reports import report_rows
from ledger.reports.statistics import ReportPeriod
from operators.reports.dossiers import FATES
from operators.reports.table import Cell, CellSort, ReportColumn, ReportTable


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


def plotted(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot | None:
    """The plot of a report whose rows are a list; None where there is nothing to show."""
    made = _PLOTS[table.name](table, tx, oa, period) if table.name in _PLOTS else None
    return made if made is not None and made.table.rows else None


def _by_day(*series: str) -> Callable[[ReportTable, Connection, str, ReportPeriod], ReportPlot]:
    """The sums of some columns over the units of a day, stacked."""

    def made(table: ReportTable, _tx: Connection, _oa: str, _period: ReportPeriod) -> ReportPlot:
        keys = [column.key for column in table.columns]
        day, places = keys.index("day"), [keys.index(name) for name in series]
        summed: dict[Cell, list[int]] = {}
        for row in table.rows:
            counts = summed.setdefault(row[day], [0] * len(series))
            for number, place in enumerate(places):
                counts[number] += int(row[place] or 0)
        rows = [(at, *counts) for at, counts in sorted(summed.items(), key=_first)]
        return _plot(PlotShape.STACKED, table, ("day", *series), rows)

    return made


def _by_text(label: str, most: int = 12) -> Callable[[ReportTable, Connection, str, ReportPeriod], ReportPlot]:
    """The numbers of a column of texts, the largest first; each row counts as its `number`, else as one."""

    def made(table: ReportTable, _tx: Connection, _oa: str, _period: ReportPeriod) -> ReportPlot:
        counted: Counter[str] = Counter()
        for row in table.dicts():
            counted[str(row[label] or "–")] += int(row.get("number", 1) or 0)
        columns = (_column(table, label), ReportColumn("number", "Số lượng", CellSort.NUMBER))
        return ReportPlot(PlotShape.BARS, _table(table, columns, counted.most_common(most)))

    return made


def _costs(table: ReportTable, _tx: Connection, _oa: str, _period: ReportPeriod) -> ReportPlot:
    """Đồng by day, one series for each channel."""
    paid: dict[Cell, Counter[str]] = {}
    for row in table.dicts():
        paid.setdefault(row["day"], Counter())[str(row["channel"])] += int(row["dong"] or 0)
    channels = sorted({channel for counts in paid.values() for channel in counts})
    rows = [(day, *(counts[channel] for channel in channels)) for day, counts in sorted(paid.items(), key=_first)]
    series = (ReportColumn(channel, channel, CellSort.DONG) for channel in channels)
    return ReportPlot(PlotShape.STACKED, _table(table, (_column(table, "day"), *series), rows))


def _delays(table: ReportTable, tx: Connection, oa: str, period: ReportPeriod) -> ReportPlot:
    """The quantiles of all units of a day: they cannot be had from those of the units."""
    counts: dict[date, list[int]] = {}
    for day, _unit, one in report_rows.delays(tx, oa, period):
        counts[day] = added([counts[day], one]) if day in counts else list(one)
    rows = [
        (day.isoformat(), *(quantile(found, share) for share in (0.5, 0.95, 0.99)))
        for day, found in sorted(counts.items())
    ]
    return _plot(PlotShape.NESTED, table, ("day", "p50", "p95", "p99"), rows)


def _plot(shape: PlotShape, table: ReportTable, names: Iterable[str], rows: _Rows) -> ReportPlot:
    return ReportPlot(shape, _table(table, tuple(_column(table, name) for name in names), rows))


def _table(table: ReportTable, columns: tuple[ReportColumn, ...], rows: _Rows) -> ReportTable:
    return ReportTable(table.name, table.title, columns, rows)


def _column(table: ReportTable, key: str) -> ReportColumn:
    return next(column for column in table.columns if column.key == key)


def _first(pair: tuple[Cell, object]) -> str:
    return str(pair[0])


_PLOTS: Mapping[str, Callable[[ReportTable, Connection, str, ReportPeriod], ReportPlot]] = {
    "reach": _by_day("sent", "not_follower", "bad_phone", "failed", "pending"),
    "dossiers": _by_day(*FATES),
    "causes": _by_text("cause"),
    "delays": _delays,
    "costs": _costs,
    "followers": _by_day("number"),
    "scans": _by_day("number"),
    "bad-phones": _by_text("reason"),
}
