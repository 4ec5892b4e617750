"""Today's costs. An alert on `hcc_budget_used_percent` calls somebody before notices have to wait."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from ledger.reports import spending
from ledger.reports.spending import Spent
from operators.metrics.board import MetricBoard
from worker.channels.budget import today
from worker.services.bootstrap import Services


def measure_costs(board: MetricBoard, connection: Connection, services: Services) -> None:
    """Today's messages and đồng (by Vietnam's calendar) of an OA, and the used share of the day's budget."""
    oa, budget = services.oa, services.budget
    spent = spending.spent(connection, oa, today(datetime.now(UTC)))
    for name in {*spent, *budget.messages, *budget.dong}:
        so_far = spent.get(name, Spent())
        board.set("hcc_spent_messages", so_far.messages, oa=oa, channel=name)
        board.set("hcc_spent_dong", so_far.dong, oa=oa, channel=name)
        if budget.limits(name):
            board.set("hcc_budget_used_percent", budget.used(name, so_far), oa=oa, channel=name)
