"""The share of dossiers whose submitter could be told on Zalo, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from domain.lifecycle import State
from domain.tally_causes import BAD_PHONE
from ledger.base import units
from ledger.reports import report_rows, statistics
from ledger.reports.day_units import by_day_and_unit
from ledger.reports.statistics import ReportPeriod
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

TOLD, ELSEWHERE, NOT_NEEDED, PENDING = "told", "elsewhere", "not_needed", "pending"
FATES: Mapping[str, str] = {
    TOLD: "Báo được qua Zalo",
    "not_follower": "Chưa quan tâm OA",
    "bad_phone": "Số hỏng",
    "stopped": "Không nhận tin",
    ELSEWHERE: "Báo bằng cách khác",
    "other": "Lý do khác",
    NOT_NEEDED: "Không cần báo",
    PENDING: "Còn chờ",
}
"""What became of a dossier; each is of exactly one of them."""

_SENT = {State.SENT, State.DELIVERED, State.SEEN}
_OPEN = {State.WAITING, State.DUE, State.SENDING, State.UNCERTAIN, State.QUARANTINED}
_ELSEWHERE = {"sms", "paper"}  # the channels that are not Zalo's
_CAUSES = {
    "not_follower": "not_follower",
    "unproven": "not_follower",
    "no_account": "not_follower",
    BAD_PHONE: "bad_phone",
    "opted_out": "stopped",
    "refuses": "stopped",
}


def fate(state: str, cause: str | None, channel: str | None) -> str:
    """What became of a dossier, of `FATES`, by the state, cause and channel of its notice that says most."""
    if state in _SENT:
        return ELSEWHERE if channel in _ELSEWHERE else TOLD
    if state in _OPEN:
        return PENDING
    if state == State.SUPPRESSED and cause != "opted_out":
        return NOT_NEEDED
    return _CAUSES.get(cause or "", "not_follower" if state == State.UNREACHABLE and cause is None else "other")


def dossiers(tx: Connection, oa: str, period: ReportPeriod) -> ReportTable:
    """Per day and unit: the dossiers with news of that day, and how many of their submitters were told on Zalo.

    The share leaves out those who need not be told, and those who may still be.
    """
    columns = (
        *(DAY, UNIT, UNIT_NAME, *numbers(dossiers="Hồ sơ có tin")),
        ReportColumn("share", "Tỷ lệ báo được", CellSort.SHARE),
        *numbers(**FATES),
    )
    return ReportTable("dossiers", "Hồ sơ báo được qua Zalo, theo ngày và đơn vị", columns, _dossiers(tx, oa, period))


def _dossiers(tx: Connection, oa: str, period: ReportPeriod) -> Iterator[tuple[Cell, ...]]:
    tree, fold = units.tree(tx, oa), statistics.folding(tx, oa, period)
    found = (
        (day, unit, [number * (name == became) for name in FATES])
        for day, unit, state, cause, channel, number in report_rows.dossiers(tx, oa, period)
        for became in (fate(state, cause, channel),)
    )
    for day, unit, counts in by_day_and_unit(found, fold):
        of_day, total = dict(zip(FATES, counts, strict=True)), sum(counts)
        judged = total - of_day[NOT_NEEDED] - of_day[PENDING]
        share = of_day[TOLD] / judged if judged else None
        yield day.isoformat(), unit, name_of(tree, unit), total, share, *counts
