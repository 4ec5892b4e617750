"""Counts by day and unit, read from a roll-up a day at a time: a page stops after a few days of a year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

DayCounts: TypeAlias = Sequence[int]


def by_day_and_unit(
    rows: Iterable[tuple[date, str | None, DayCounts]], fold: Callable[[str | None], str | None]
) -> Iterator[tuple[date, str | None, list[int]]]:
    """The sums of counts by day and unit of today (`fold`), by day, then by unit, those without a unit last.

    The rows are in the order of their days; all of them have the same number of counts.
    """
    for day, of_day in groupby(rows, key=itemgetter(0)):
        summed: dict[str | None, list[int]] = {}
        for _, recorded, counts in of_day:
            unit = fold(recorded)
            summed[unit] = _added(summed[unit], counts) if unit in summed else list(counts)
        for unit in sorted(summed, key=lambda one: (one is None, one or "")):
            yield day, unit, summed[unit]


def _added(one: DayCounts, other: DayCounts) -> list[int]:
    return [first + second for first, second in zip(one, other, strict=True)]
