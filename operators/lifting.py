"""Lifts the holds that follow from Zalo's answers, for `hcc hold lift` and the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from coordination.bell import ring
from coordination.connection import QueueDown
from coordination.holds import Hold
from ledger.base.audit import audit
from ledger.notices import sweep_queries
from worker.delivery.feedback import RATE_LIMIT, concerns
from worker.services.bootstrap import Services

_PAGE = 2000  # notices per transaction


def lift(one: Hold, services: Iterable[Services], *, by: str, why: str) -> int:
    """Lift a hold and bring forward the notices that it delayed; returns how many. Raises `QueueDown`.

    `services`: the OAs that may be concerned. The audit row is committed first: no act may go unrecorded.
    """
    brought = 0
    for each in (each for each in services if concerns(each, one.key)):
        with each.ledger.begin() as tx:
            audit(tx, each.oa, "hold lift", one.key, by=by, why=why)
        each.holds.lift(one.key)
        brought += _let_go(each, [one.reason, RATE_LIMIT])
        with suppress(QueueDown):  # a lost bell costs a second: the workers look by themselves
            ring(each.oa)
    return brought


def _let_go(services: Services, reasons: Sequence[str]) -> int:
    """Bring forward the notices with these reasons, page by page, one transaction per page; returns how many."""
    total, page = 0, _PAGE
    while page == _PAGE:
        with services.ledger.begin() as tx:
            brought = sweep_queries.let_go(tx, services.oa, reasons, limit=_PAGE)
        services.schedule.remove(services.oa, brought)
        page = len(brought)
        total += page
    return total
