"""Plots for docs/benchmarks: plain SVG, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "hcc", "font.size": 10, "axes.axisbelow": True}
_COLOURS = ("#1565c0", "#ef6c00", "#2e7d32", "#6a1b9a", "#ad1457")


def bars(path: Path, title: str, values: Mapping[str, float]) -> None:
    """One bar each, on a logarithmic scale, with its figure."""
    figure = Figure(figsize=(8, 0.45 * len(values) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.barh(list(values), list(values.values()), color=_COLOURS[0], log=True)
    axes.bar_label(drawn, labels=[f"{value:,.0f}" for value in values.values()], padding=4)
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.margins(x=0.12)
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def lines(path: Path, panels: Mapping[str, tuple[str, str, Mapping[str, Sequence[tuple[float, float]]]]]) -> None:
    """Panels side by side: title → (what stands on x, on y, and the points of each line); x is logarithmic."""
    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    rooms = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, (x_is, y_is, curves)) in zip(rooms, panels.items(), strict=True):
        for colour, (name, points) in zip(_COLOURS, curves.items(), strict=False):
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=name)
        if all(x > 0 for points in curves.values() for x, _ in points) and x_is != "workers":
            axes.set_xscale("log")
        axes.set(title=title, xlabel=x_is, ylabel=y_is)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
