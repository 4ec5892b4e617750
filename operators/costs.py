"""What the day has cost, for Prometheus: an alarm on `hcc_budget_used_percent` calls somebody before notices wait."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge

from worker.bootstrap import Services
from worker.channels.budget import today
from worker.ledger import spending
from worker.ledger.spending import Spent

_LABELS = ["oa", "channel"]


def measure_costs(registry: CollectorRegistry, *every: Services) -> None:
    """Messages and đồng of today (Vietnam's) of each OA, and the share of the day's budget that is used."""
    messages = Gauge("hcc_spent_messages", "Charged or limited messages today", _LABELS, registry=registry)
    dong = Gauge("hcc_spent_dong", "Cost of today by the price list, in dong", _LABELS, registry=registry)
    used = Gauge("hcc_budget_used_percent", "Used share of today's budget", _LABELS, registry=registry)
    for services in every:
        oa, budget = services.oa, services.budget
        with services.ledger.connect() as connection:
            spent = spending.spent(connection, oa, today(datetime.now(UTC)))
        for name in {*spent, *budget.messages, *budget.dong}:
            so_far = spent.get(name, Spent())
            messages.labels(oa, name).set(so_far.messages)
            dong.labels(oa, name).set(so_far.dong)
            if budget.limits(name):
                used.labels(oa, name).set(budget.used(name, so_far))
