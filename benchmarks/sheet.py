"""Writes a large report as a file in this process, and says what memory that took.

    python -m benchmarks.sheet xlsx 500000 FILE

The rows are as those of `hcc report reach`: a day, a unit with its name, twelve numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from config.process import lower_priority
from operators.reports.reports import COUNTS
from operators.reports.table import DAY, UNIT, UNIT_NAME, Cell, CellSort, ReportColumn, ReportTable, numbers
from operators.reports.writers import write_csv, write_xlsx

UNITS = 70
_FIRST = date(2026, 1, 1).toordinal()
_YEAR = 365
_NICENESS = 10  # as exports are made
_SHARES = ReportColumn("share", "Tỷ lệ đến được", CellSort.SHARE), ReportColumn("dong", "Chi phí", CellSort.DONG)


def table_of(number: int) -> ReportTable:
    """A report with so many rows, which are made while they are read."""
    return ReportTable("reach", "Đến được", (DAY, UNIT, UNIT_NAME, *numbers(**COUNTS), *_SHARES), _rows(number))


def _rows(number: int) -> Iterator[tuple[Cell, ...]]:
    for place in range(number):
        day = date.fromordinal(_FIRST + place // UNITS % _YEAR).isoformat()
        unit = place % UNITS
        counts = (place * factor % 1009 for factor in range(1, len(COUNTS) + 1))
        yield day, f"H27.{unit}", f"Phường Bắc Hồng Lĩnh {unit}", *counts, place % 100 / 100, 300 * place


def main() -> None:
    """Write the file and print the largest resident memory (MB)."""
    lower_priority(_NICENESS)
    form, number, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    with path.open("wb") as file:
        (write_xlsx if form == "xlsx" else write_csv)(table_of(number), file)
    print(_largest_mb())


def _largest_mb() -> float:
    """As the kernel keeps it for this program; `getrusage` would tell that of the parent, from before the exec."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()
