"""The plots of the last 24 hours on the overview: what was tried and sent, and how long it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from domain.clock import to_vietnam
from domain.delays import quantile
from ledger.base.clock import now
from ledger.reports.lately import TallySpan, lately
from operators.console import ground
from operators.reports.plots import PlotShape, ReportPlot
from operators.reports.table import Cell, CellSort, ReportColumn, ReportTable
from worker.services.bootstrap import Services

LENGTH = timedelta(hours=24)

_AT = ReportColumn("at", "Lúc")


def _numbers(span: TallySpan) -> tuple[Cell, ...]:
    return span.tried, span.sent


def _delays(span: TallySpan) -> tuple[Cell, ...]:
    return quantile(span.delays, 0.5), quantile(span.delays, 0.95)


_SERIES: Mapping[str, tuple[PlotShape, tuple[ReportColumn, ...], Callable[[TallySpan], tuple[Cell, ...]]]] = {
    "flow": (
        PlotShape.LINES,
        (ReportColumn("tried", "Lần gửi", CellSort.NUMBER), ReportColumn("sent", "Zalo đã nhận", CellSort.NUMBER)),
        _numbers,
    ),
    "waits": (
        PlotShape.NESTED,
        (ReportColumn("p50", "Một nửa trong", CellSort.SECONDS), ReportColumn("p95", "95 % trong", CellSort.SECONDS)),
        _delays,
    ),
}
LATELY = tuple(_SERIES)
"""The plots' names, in the words and in addresses."""


def plots_of(one: Services) -> dict[str, ReportPlot]:
    """The plots of an OA; none before anything was tried. Raises the errors of `ledger.base.away.AWAY`."""
    with ground.reading() as connection:
        spans = lately(connection, one.oa, now(connection), LENGTH)
    if not any(span.tried for span in spans.values()):
        return {}
    return {name: _plot(name, spans) for name in LATELY}


def _plot(name: str, spans: Mapping[datetime, TallySpan]) -> ReportPlot:
    shape, columns, values = _SERIES[name]
    rows = [(f"{to_vietnam(at):%H:%M}", *values(span)) for at, span in spans.items()]
    return ReportPlot(shape, ReportTable(name, name, (_AT, *columns), rows))
