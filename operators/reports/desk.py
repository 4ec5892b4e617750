"""The list for a desk: whom nobody could reach, with masked phones, so that a clerk can tell them in person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from domain.clock import to_vietnam
from domain.kinds import RANK
from domain.phone import masked_national
from domain.units import UnitTree
from ledger.base import units
from ledger.base.sealing import Sealer, SealError
from ledger.notices import lists
from ledger.notices.verbs import Choice
from operators.phrasebook import phrase, word_of
from operators.reports.table import UNIT, UNIT_NAME, Cell, ReportColumn, ReportTable, name_of


def unreachable(tx: Connection, oa: str, choice: Choice, sealer: Sealer, grace: timedelta) -> ReportTable:
    """The chosen unreachable notices, newest first; `grace`: how long a notice waits for a follower."""
    columns = (
        *(ReportColumn("code", "Hồ sơ"), UNIT, UNIT_NAME, ReportColumn("kind", "Loại tin")),
        *(ReportColumn("phone", "Số trong hồ sơ"), ReportColumn("reason", "Vì sao")),
        *(ReportColumn("recorded", "Ghi vào sổ"), ReportColumn("until", "Tự gửi nếu quan tâm trước ngày")),
    )
    return ReportTable("unreachable", "Chưa gửi được cho người dân", columns, _rows(tx, oa, choice, sealer, grace))


def _rows(tx: Connection, oa: str, choice: Choice, sealer: Sealer, grace: timedelta) -> Iterator[tuple[Cell, ...]]:
    tree = units.tree(tx, oa)
    for row in lists.each_unreachable(tx, oa, choice):
        yield _row(tree, row, sealer, grace)


def _row(tree: UnitTree, row: dict[str, Any], sealer: Sealer, grace: timedelta) -> tuple[Cell, ...]:
    kind = word_of("kinds", row["kind"]).vi if row["kind"] in RANK else row["kind"]
    why = phrase(row["reason"]).vi if row["reason"] else None
    until = to_vietnam(row["fresh_at"] + grace).date().isoformat()
    phone = row["phone_seen"] or _masked(sealer, row["phone_sealed"])
    recorded = to_vietnam(row["recorded_at"]).date().isoformat()
    return row["code"], row["unit"], name_of(tree, row["unit"]), kind, phone, why, recorded, until


def _masked(sealer: Sealer, sealed: bytes | None) -> str | None:
    """As staff know the number of a dossier: '09******18'; None if it is erased or cannot be opened."""
    try:
        return masked_national(sealer.open(sealed)) if sealed else None
    except SealError:
        return None
