"""The worker's doorbells: each hears a bell and calls one verb."""

from __future__ import annotations

from functools import cache

from celery import shared_task

from config.settings import load
from worker import sweeps
from worker.bootstrap import Services
from worker.deliver import deliver as deliver_now
from worker.ledger.notices import anything_due
from worker.queue.bell import ring


@cache
def services() -> Services:
    """This process's services; made at the first bell, after the fork."""
    return Services(load())


@shared_task(name="worker.deliver")
def deliver(oa: str) -> None:
    """Deliver what is due; where more is left, ring again rather than keep others from their turn."""
    if deliver_now(services(), oa):
        ring(oa)


@shared_task(name="worker.wake")
def wake() -> None:
    """Ring for what has become due: a retry's time has come, or a bell was lost."""
    oa = services().settings.zalo_oa_id
    with services().ledger.connect() as connection:
        due = anything_due(connection, oa)
    if due:
        ring(oa)


@shared_task(name="worker.sweep")
def sweep() -> None:
    sweeps.sweep(services(), services().settings.zalo_oa_id)


@shared_task(name="worker.renew_tokens")
def renew_tokens() -> None:
    services().tokens.renew_if_worn(services().settings.zalo_oa_id)
