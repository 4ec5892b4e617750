"""Reports results: prints tables on the screen, and writes the same as a page in docs/benchmarks."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil
from rich.console import Console
from rich.table import Table

from config.settings import ROOT

_WIDTH = 150  # of a screen that does not report its width

PAGES = ROOT / "docs" / "benchmarks"


@dataclass
class Report:
    """One page: `name` is its file and its command, `python -m benchmarks.<name>`."""

    name: str
    title: str
    _load: float = field(default_factory=lambda: os.getloadavg()[0])  # before the run: other load on the machine
    _lines: list[str] = field(default_factory=list)

    def text(self, sentence: str) -> None:
        """Add a paragraph of explanation."""
        Console().print(sentence, highlight=False)
        self._lines += [sentence, ""]

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table; the first column names the row, the others are figures."""
        shown = Table(*columns[:1])
        for column in columns[1:]:
            shown.add_column(column, justify="right")
        for row in rows:
            shown.add_row(*row)
        Console(width=max(_WIDTH, Console().width)).print(shown)
        marks = ["---", *("---:" for _ in columns[1:])]
        self._lines += [f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows)]
        self._lines.append("")

    def promises(self, promises: Sequence[tuple[str, float, str, bool]]) -> None:
        """Add promises: the name, the measured figure, the promised figure, and whether it is kept."""
        rows = [(name, f"{figure:.2f}", wanted, "yes" if held else "no") for name, figure, wanted, held in promises]
        if rows:
            self.table(("promised", "measured", "to be", "held"), rows)

    def picture(self, file: str, what: str) -> None:
        """Add a plot, stored next to the page."""
        self._lines += [f"![{what}]({file})", ""]

    def write(self) -> None:
        """Write the page, replacing that of an earlier run."""
        gigabytes = round(psutil.virtual_memory().total / 2**30)
        machine = f"{os.cpu_count()} cores, {gigabytes} GB, Python {platform.python_version()}"
        run = f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}; load before the run {self._load:.1f}."
        again = f"Again: `python -m benchmarks.{self.name}`. Times depend on the machine and on what else it does."
        page = "\n".join([f"# {self.title}", "", run, again, "", *self._lines])
        PAGES.mkdir(exist_ok=True)
        (PAGES / f"{self.name}.md").write_text(page.rstrip() + "\n", encoding="utf-8")


def ms(seconds: float) -> str:
    """Format as '12.3 ms'."""
    return f"{seconds * 1000:,.1f} ms"


def times(value: float, base: float) -> str:
    """Format as '1.07 ×'."""
    return f"{value / base:.2f} ×"
