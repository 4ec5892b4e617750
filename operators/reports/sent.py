"""The list of what was sent between two times, for staff who set a mistake right: codes and units, no person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from domain.clock import to_vietnam
from domain.kinds import RANK
from domain.lifecycle import State
from domain.units import UnitTree
from ledger.base import units
from ledger.reports.sent import SentChoice, each_sent
from operators.phrasebook import word_of
from operators.reports.table import UNIT, UNIT_NAME, Cell, ReportColumn, ReportTable, name_of

_MAYBE = (State.UNCERTAIN, State.DEAD)


def sent(tx: Connection, oa: str, choice: SentChoice) -> ReportTable:
    """The notices that Zalo took, or may have taken, the earliest first; times are Vietnam's."""
    columns = (
        *(
            ReportColumn("code", "Hồ sơ"),
            UNIT,
            UNIT_NAME,
            ReportColumn("kind", "Loại"),
            ReportColumn("name", "Loại tin"),
        ),
        *(ReportColumn("at", "Gửi lúc"), ReportColumn("channel", "Kênh"), ReportColumn("state", "Trạng thái")),
        *(ReportColumn("arrived", "Đã đến"), ReportColumn("event_key", "Sự kiện")),
    )
    return ReportTable("sent", "Tin đã gửi", columns, _rows(tx, oa, choice))


def _rows(tx: Connection, oa: str, choice: SentChoice) -> Iterator[tuple[Cell, ...]]:
    tree = units.tree(tx, oa)
    for row in each_sent(tx, oa, choice):
        yield _row(tree, row)


def _row(tree: UnitTree, row: dict[str, Any]) -> tuple[Cell, ...]:
    kind = row["kind"]
    name = word_of("kinds", kind).vi if kind in RANK else kind
    at = to_vietnam(row["at"]).isoformat(sep=" ", timespec="seconds")
    arrived = "chưa rõ" if row["state"] in _MAYBE else "Zalo đã nhận"
    unit = row["unit"]
    return (
        row["code"],
        unit,
        name_of(tree, unit),
        kind,
        name,
        at,
        row["channel"],
        row["state"],
        arrived,
        row["event_key"],
    )
