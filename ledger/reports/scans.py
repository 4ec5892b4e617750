"""Scans of the short link of a unit's poster: a number per unit and day of Vietnam's calendar, nothing of a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, text

from ledger.base.clock import DAY
from ledger.base.units import OF_UNITS, meant
from ledger.reports.day_units import DayCounts, by_day_and_unit
from ledger.reports.statistics import ReportPeriod, folding

_COUNT = f"""
INSERT INTO scans AS s (oa, unit, day, number) VALUES (:oa, :unit, {DAY.format(moment="clock_timestamp()")}, 1)
ON CONFLICT ON CONSTRAINT scans_pkey DO UPDATE SET number = s.number + 1
"""


def count_scan(tx: Connection, oa: str, unit: str) -> None:
    """One more scan of this unit's poster today."""
    tx.execute(text(_COUNT), {"oa": oa, "unit": unit})


_COUNTED = f"""
SELECT n.day, n.unit, n.number FROM scans n
WHERE n.oa = :oa AND n.day >= :first AND n.day < :end AND {OF_UNITS}
ORDER BY n.day
"""


def scans(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[date, str | None, DayCounts]]:
    """(day, unit, [scans]), by day and unit of today."""
    first, end = period.days
    values = {"oa": oa, "first": first, "end": end, "units": meant(tx, oa, period.unit)}
    rows = ((row.day, row.unit, [int(row.number)]) for row in tx.execute(text(_COUNTED), values))
    return by_day_and_unit(rows, folding(tx, oa, period))
