"""Carries on operators' acts that the console began: page by page, each a transaction, resumed after any kill."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from coordination.bell import ring
from coordination.connection import QueueDown
from domain.lifecycle import State
from ledger.notices import verbs
from ledger.reports import acts
from ledger.reports.acts import Act
from worker.services.deployment import Deployment

log = logging.getLogger("hcc.acts")


def carry_on(deployment: Deployment, seconds: float) -> int:
    """Do pages of the open acts in turns, for about `seconds`; returns how many notices were moved.

    An act that another process is at is left to it. Raises the database driver's error if the ledger is away.
    """
    ledger, end, total = deployment.shared.ledger, time.monotonic() + seconds, 0
    with ledger.connect() as connection:
        waiting = acts.unattended(connection)
    while waiting:
        for number in list(waiting):
            if time.monotonic() >= end:
                return total
            with ledger.begin() as tx:
                act = acts.take(tx, number)
                moved = verbs.next_page(tx, act) if act is not None else None
            if moved is None:
                waiting.remove(number)
            else:
                total += len(moved)
                _ring(deployment, act)
    return total


def _ring(deployment: Deployment, act: Act | None) -> None:
    if act is None or act.oa not in deployment.names or verbs.DEEDS[act.verb].after is State.DISCARDED:
        return
    with suppress(QueueDown):  # the worker finds due notices without a bell
        ring(act.oa)
