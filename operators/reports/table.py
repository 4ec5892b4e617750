"""A report as a typed table: the same rows for the terminal, CSV, XLSX and pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.units import UnitTree

Cell: TypeAlias = str | int | float | None


class CellSort(StrEnum):
    """How a column is written."""

    TEXT = "text"  # also codes and days (2026-01-31): no program may make a number or a date of them
    NUMBER = "number"
    SHARE = "share"  # 0 to 1
    SECONDS = "seconds"
    DONG = "dong"


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """`key` for programs, `heading` for people."""

    key: str
    heading: str
    sort: CellSort = CellSort.TEXT


@dataclass(frozen=True, slots=True)
class ReportTable:
    """`name` is that of a file and a sheet; rows have a cell for each column, and may be read once only."""

    name: str
    title: str
    columns: tuple[ReportColumn, ...]
    rows: Iterable[tuple[Cell, ...]]

    @property
    def is_by_day(self) -> bool:
        """Whether its first column is the day, and its rows are in the order of the days."""
        return self.columns[0] is DAY

    def dicts(self) -> Iterator[dict[str, Cell]]:
        """The rows by the columns' keys."""
        keys = [column.key for column in self.columns]
        return (dict(zip(keys, row, strict=True)) for row in self.rows)


DAY = ReportColumn("day", "Ngày")
MONTH = ReportColumn("month", "Tháng")
UNIT = ReportColumn("unit", "Đơn vị")
UNIT_NAME = ReportColumn("unit_name", "Tên đơn vị")


def first_days(table: ReportTable, most: int) -> tuple[list[tuple[Cell, ...]], str | None]:
    """`most` rows of a report by day, the last day whole; and the day with which the others begin, if there are any."""
    taken: list[tuple[Cell, ...]] = []
    for row in table.rows:
        if len(taken) >= most and row[0] != taken[-1][0]:
            return taken, str(row[0])
        taken.append(row)
    return taken, None


def numbers(**headings: str) -> tuple[ReportColumn, ...]:
    """Columns of counts, by key."""
    return tuple(ReportColumn(key, heading, CellSort.NUMBER) for key, heading in headings.items())


def name_of(tree: UnitTree, unit: str | None) -> str:
    """The name of a unit by the list of units; empty where it is not listed."""
    listed = tree.units.get(unit or "")
    return listed.name if listed else ""
