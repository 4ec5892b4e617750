"""The reports for staff, one function each: whom Zalo reached, what kept the others, delays, costs, phones, followers.

Numbers are of the last recount of the roll-ups; none of a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from domain.code import parse_code
from domain.delays import quantiles
from domain.units import UnitTree
from ledger.base import units
from ledger.reports import report_rows, statistics
from ledger.reports import scans as ledger_scans
from ledger.reports.statistics import ReportPeriod
from operators.phrasebook import phrase, word_of
from operators.reports.table import (
    DAY,
    UNIT,
    UNIT_NAME,
    Cell,
    CellSort,
    ReportColumn,
    ReportTable,
    name_of,
    numbers,
)

COUNTS = {
    "events": "Sự kiện",
    "sent": "Đã gửi",
    "not_follower": "Chưa quan tâm",
    "bad_phone": "Số hỏng",
    "failed": "Thất bại",
    "not_needed": "Không cần gửi",
    "pending": "Còn chờ",
    "quarantined": "Tạm giữ",
}

_SENT, _NOT_FOLLOWER, _BAD_PHONE = map(statistics.COUNTS.index, ("sent", "not_follower", "bad_phone"))


def reach(tx: Connection, oa: str, period: ReportPeriod) -> ReportTable:
    """Per day and unit: events, what became of them, and the share of those who could be told that was told (R37)."""
    columns = (
        *(DAY, UNIT, UNIT_NAME, *numbers(**COUNTS), *numbers(delivered="Đã đến máy", seen="Đã xem")),
        ReportColumn("share", "Tỷ lệ đến được", CellSort.SHARE),
        ReportColumn("dong", "Chi phí (đồng)", CellSort.DONG),
    )
    return ReportTable("reach", "Thông báo đến được người dân, theo ngày và đơn vị", columns, _reach(tx, oa, period))


def _reach(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[Cell, ...]]:
    tree = units.tree(tx, oa)
    for day, unit, (*counts, delivered, seen, dong) in statistics.each_reach(tx, oa, period):
        tellable = counts[_SENT] + counts[_NOT_FOLLOWER] + counts[_BAD_PHONE]
        share = counts[_SENT] / tellable if tellable else None
        yield day.isoformat(), unit, name_of(tree, unit), *counts, delivered, seen, share, dong


def causes(tx: Connection, oa: str, period: ReportPeriod, language: str = "vi") -> ReportTable:
    """Per unit: what keeps notices from their people, the most frequent cause first. Cells are in a language."""
    tree, fold = units.tree(tx, oa), statistics.folding(tx, oa, period)
    counted: Counter[tuple[str | None, str, str | None]] = Counter()
    for unit, cause, state, number in report_rows.hindered(tx, oa, period):
        counted[fold(unit), state, cause] += number
    ordered = sorted(counted, key=lambda key: (key[0] is None, key[0] or "", -counted[key], key[1], key[2] or ""))
    rows = [
        (
            unit,
            name_of(tree, unit),
            word_of("states", state).in_language(language),
            word_of("causes", cause or "").in_language(language),
            counted[unit, state, cause],
        )
        for unit, state, cause in ordered
    ]
    columns = (
        *(UNIT, UNIT_NAME, ReportColumn("state", "Trạng thái"), ReportColumn("cause", "Vì sao")),
        *numbers(number="Số thông báo"),
    )
    return ReportTable("causes", "Vì sao chưa báo được, theo đơn vị", columns, rows)


def delays(tx: Connection, oa: str, period: ReportPeriod) -> ReportTable:
    """Per day of sending and unit: within how many seconds half, 95 % and 99 % of the notices were taken by Zalo.

    Counted from when the event could first be seen. The seconds are bounds (`domain.delays`), not interpolated.
    """
    columns = (
        *(DAY, UNIT, UNIT_NAME, *numbers(sent="Đã gửi")),
        ReportColumn("p50", "Một nửa trong (giây)", CellSort.SECONDS),
        ReportColumn("p95", "95 % trong (giây)", CellSort.SECONDS),
        ReportColumn("p99", "99 % trong (giây)", CellSort.SECONDS),
    )
    return ReportTable("delays", "Từ lúc có việc đến lúc Zalo nhận tin", columns, _delays(tx, oa, period))


def _delays(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[Cell, ...]]:
    tree = units.tree(tx, oa)
    for day, unit, found in report_rows.delays(tx, oa, period):
        yield day.isoformat(), unit, name_of(tree, unit), sum(found), *quantiles(found)


def costs(tx: Connection, oa: str, period: ReportPeriod, budgets: Mapping[str, int]) -> ReportTable:
    """Per day and channel: messages and đồng against today's budget of the channel (`budgets`, đồng a day)."""
    rows: list[tuple[Cell, ...]] = []
    for day, channel, messages, dong in report_rows.costs(tx, oa, period):
        budget = budgets.get(channel)
        rows.append((day.isoformat(), channel, messages, dong, budget, dong / budget if budget else None))
    columns = (
        *(DAY, ReportColumn("channel", "Kênh"), *numbers(messages="Số tin")),
        ReportColumn("dong", "Chi phí (đồng)", CellSort.DONG),
        ReportColumn("budget", "Hạn mức ngày (đồng)", CellSort.DONG),
        ReportColumn("share", "Đã dùng", CellSort.SHARE),
    )
    return ReportTable("costs", "Chi phí theo ngày và kênh", columns, rows)


def phones(tx: Connection, oa: str, period: ReportPeriod, language: str = "vi") -> ReportTable:
    """The dossiers whose phone field staff should check, the phones masked (R9). Cells are in a language."""
    tree = units.tree(tx, oa)
    rows = (_phone(tree, row, language) for row in statistics.each_bad_phone(tx, oa, period))
    columns = (
        *(ReportColumn("code", "Hồ sơ"), UNIT, UNIT_NAME, ReportColumn("filed", "Ngày nộp")),
        *(ReportColumn("phone", "Số trong hồ sơ"), ReportColumn("reason", "Vì sao")),
    )
    return ReportTable("bad-phones", "Số điện thoại cần kiểm tra", columns, rows)


def _phone(tree: UnitTree, row: Mapping[str, Any], language: str) -> tuple[Cell, ...]:
    parts = parse_code(row["code"])
    filed = parts.date.isoformat() if parts else None
    why = phrase(row["reason"]).sentence.in_language(language) if row["reason"] else None
    return row["code"], row["unit"], name_of(tree, row["unit"]), filed, row["phone"], why


def followers(tx: Connection, oa: str, period: ReportPeriod) -> ReportTable:
    """Per day and unit of their dossiers: who began to follow and follows still."""
    rows = _by_unit(tx, oa, report_rows.new_followers(tx, oa, period))
    columns = (DAY, UNIT, UNIT_NAME, *numbers(number="Người mới quan tâm"))
    return ReportTable("followers", "Người mới quan tâm, theo đơn vị của hồ sơ", columns, rows)


def scans(tx: Connection, oa: str, period: ReportPeriod) -> ReportTable:
    """Per day and unit: how often the QR code of the unit's poster was scanned."""
    rows = _by_unit(tx, oa, ledger_scans.scans(tx, oa, period))
    columns = (DAY, UNIT, UNIT_NAME, *numbers(number="Lượt quét"))
    return ReportTable("scans", "Lượt quét mã QR trên áp phích, theo đơn vị", columns, rows)


def _by_unit(
    tx: Connection, oa: str, counts: Iterable[tuple[date, str | None, Sequence[int]]]
) -> Iterator[tuple[Cell, ...]]:
    """Counts of (day, unit, numbers) as rows with units' names."""
    tree = units.tree(tx, oa)
    for day, unit, found in counts:
        yield day.isoformat(), unit, name_of(tree, unit), *found
