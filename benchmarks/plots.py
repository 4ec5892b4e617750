"""Draws the plots of docs/benchmarks as plain SVG; the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "hcc", "font.size": 10, "axes.axisbelow": True}
_GREY = "#90a4ae"
_COLOURS = ("#1565c0", "#ef6c00", "#2e7d32", "#6a1b9a", "#ad1457")


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of a row: the labels of x and y, and the points of each line."""

    title: str
    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    logarithmic: bool = False  # the x axis


def bars(path: Path, title: str, values: Mapping[str, float], ours: Container[str]) -> None:
    """Draw one bar for each value, with its figure."""
    figure = Figure(figsize=(8, 0.42 * len(values) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    colours = [_COLOURS[0] if name in ours else _GREY for name in values]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, labels=[f"{value:,.0f}" for value in values.values()], padding=4)
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.margins(x=0.1)
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def lines(path: Path, panels: Sequence[Panel]) -> None:
    """Draw panels side by side."""
    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for colour, (name, points) in zip(_COLOURS, panel.curves.items(), strict=False):
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=name)
        axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y, xscale="log" if panel.logarithmic else "linear")
        axes.set_ylim(bottom=0, top=1.15 * max(y for points in panel.curves.values() for _, y in points))
        if not panel.logarithmic:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if len(panel.curves) > 1:
            axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
