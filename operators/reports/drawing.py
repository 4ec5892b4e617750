"""Draws plots as SVG by leather: no script, no style sheet, only shapes and their attributes.

So a plot passes any content security policy, in a page (as an image) and on its own. Colours are told apart by their
lightness too; what they mean also stands in the table beside the plot.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import leather
from leather import theme

from operators.reports.plots import PlotShape, ReportPlot
from operators.reports.table import Cell

WIDE, NARROW = 720, 320
"""Widths in pixels: of a page and a print, and of a phone. The letters have one size in both."""

_FONT = "'Be Vietnam Pro', system-ui, 'Noto Sans', sans-serif"
_INK, _SOFT, _LINE = "#1c2224", "#525c5f", "#d7dcdb"
_COLOURS = ("#0b6e69", "#e0a030", "#a4262c", "#6f7fcf", "#b9c2c4", "#3b4a8f", "#7a4b00", "#d98cb3")
_HEAD = 10  # pixels above the chart: the library leaves none for the letters of the legend
_TICKS = 5
_LETTER = 8  # pixels that a letter needs
_LONGEST = {WIDE: 34, NARROW: 13}  # letters of a bar's label


def _set_theme() -> None:
    """The library's settings are variables of a module; nobody else uses it."""
    theme.background_color, theme.margin = "#ffffff", 0.03
    theme.legend_color, theme.legend_font_family = _INK, _FONT
    theme.tick_font_family, theme.label_color, theme.tick_font_size = _FONT, _SOFT, 13
    theme.tick_color, theme.zero_color = _LINE, _SOFT
    theme.tick_font_char_width = _LETTER
    theme.legend_font_char_width = _LETTER + 2  # the library forgets that the legend begins beside the axis


_set_theme()


def draw(plot: ReportPlot, title: str, series: Sequence[str], said: Callable[[float], str], width: int = WIDE) -> bytes:
    """The plot as an SVG file. `title`: its name for screen readers; `series`: the names of its columns of numbers.

    `said` writes a number of the axis.
    """
    labels, columns = _columns_of(plot)
    chart = leather.Chart()
    if plot.shape is PlotShape.BARS:
        height = 60 + 28 * len(labels)
        _bars(chart, [_short(label, width) for label in labels], columns[0], said)
    else:
        height = 300 if width == WIDE else 260
        _over_labels(chart, plot, series, said, width)
    whole = {"width": str(width), "height": str(height + _HEAD)}
    view = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 {-_HEAD} {width} {height + _HEAD}", "role": "img"}
    root = ET.Element("svg", {**view, **whole})
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "rect", {"x": "0", "y": str(-_HEAD), "fill": str(theme.background_color), **whole})
    root.append(chart.to_svg_group(width, height))
    drawn: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return drawn


def shown_label(label: str) -> str:
    """'09/11' for '2026-11-09', '11/2026' for '2026-11'; any other text as it is."""
    if found := _DAY.fullmatch(label):
        year, month, day = found.groups()
        return f"{day}/{month}" if day else f"{month}/{year}"
    return label


_DAY = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")


def _columns_of(plot: ReportPlot) -> tuple[list[str], list[list[float]]]:
    rows = list(plot.table.rows)
    labels = [shown_label(str(row[0])) for row in rows]
    return labels, [[_number(row[place]) for row in rows] for place in range(1, len(plot.table.columns))]


def _number(cell: Cell) -> float:
    return 0.0 if cell is None or isinstance(cell, str) else float(cell)


def _over_labels(chart: Any, plot: ReportPlot, series: Sequence[str], said: Callable[[float], str], width: int) -> None:
    """Columns or lines over labels: the tallest column first, so that the lower ones are drawn over it."""
    labels, columns = _columns_of(plot)
    heights = _cumulated(columns) if plot.shape is PlotShape.STACKED else columns
    _axis(chart.set_y_scale, chart.add_y_axis, max((max(one, default=0) for one in heights), default=0), said)
    longest = 1 + max(map(len, labels), default=0)
    apart = max(1, math.ceil(len(labels) * longest * _LETTER / (width - 8 * _LETTER)))
    if plot.shape is PlotShape.LINES:
        places: list[Any] = list(range(len(labels)))
        chart.set_x_scale(leather.Linear(0, max(1, len(labels) - 1)))
    else:
        places = [f"{place:05}" for place in range(len(labels))]  # texts, in the order of the data
    chart.add_x_axis(ticks=places[::apart], tick_formatter=lambda value, _place, _number: labels[int(value)])
    for place in reversed(range(len(columns))):
        points = list(zip(places, heights[place], strict=True))
        colour = _COLOURS[place % len(_COLOURS)]
        if plot.shape is PlotShape.LINES:
            chart.add_line(points, name=series[place], stroke_color=colour)
        else:
            chart.add_columns(points, name=series[place], fill_color=colour)


def _bars(chart: Any, labels: Sequence[str], numbers: Sequence[float], said: Callable[[float], str]) -> None:
    """Bars with their labels at the left, the first on top. Labels that were cut to the same text stay apart."""
    _axis(chart.set_x_scale, chart.add_x_axis, max(numbers, default=0), said, ticks=3)
    names = [f"{place:05}" for place in range(len(labels))]
    chart.add_y_axis(tick_formatter=lambda value, _place, _number: labels[int(value)])
    chart.add_bars(list(zip(numbers, names, strict=True)), fill_color=_COLOURS[0])


def _axis(set_scale: Any, add_axis: Any, most: float, said: Callable[[float], str], ticks: int = _TICKS) -> None:
    step = _step(most, ticks)
    top = step * max(1, math.ceil(most / step))
    set_scale(leather.Linear(0, top))
    values = [Decimal(str(step)) * place for place in range(round(top / step) + 1)]
    add_axis(ticks=values, tick_formatter=lambda value, _place, _number: said(float(value)))


def _step(most: float, ticks: int) -> float:
    """A round step (1, 2 or 5 times a power of ten, at least 1) with about so many ticks."""
    rough = max(1.0, most / ticks)
    power = 10 ** math.floor(math.log10(rough))
    return next(float(times * power) for times in (1, 2, 5, 10) if times * power >= rough)


def _cumulated(columns: list[list[float]]) -> list[list[float]]:
    made: list[list[float]] = []
    for column in columns:
        made.append([below + one for below, one in zip(made[-1], column, strict=True)] if made else column)
    return made


def _short(label: str, width: int) -> str:
    longest = _LONGEST[width]
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
