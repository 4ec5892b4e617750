"""The worker's doorbells: each hears a bell and calls one verb."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from celery import shared_task
from sqlalchemy.exc import OperationalError, ProgrammingError

from config.settings import load
from worker import sweeps
from worker.bootstrap import Services
from worker.deliver import deliver as deliver_now
from worker.deliver import first_lane
from worker.queue.bell import heard, ring
from worker.queue.connection import QueueDown
from worker.settle import settle_uncertain

log = logging.getLogger("hcc.tasks")


@contextmanager
def later(task: str) -> Iterator[None]:
    """Ledger or Redis away for a moment: one line, nothing lost, the next bell tries again."""
    try:
        yield
    except QueueDown as away:
        log.error("%s put off why=%s", task, away)  # noqa: TRY400 (the sentence says all)
    except ProgrammingError as fault:
        log.error("%s put off, is the ledger migrated? run `hcc migrate` why=%s", task, type(fault.orig).__name__)  # noqa: TRY400
    except OperationalError as away:
        log.error("%s put off, the ledger is away why=%s", task, type(away.orig).__name__)  # noqa: TRY400 (as above)


@cache
def services() -> Services:
    """This process's services; made at the first bell, after the fork."""
    return Services(load())


@shared_task(name="worker.deliver")
def deliver(oa: str) -> None:
    """Deliver what is due; where more is left, ring again rather than keep others from their turn."""
    heard("worker.deliver", oa)
    with later("deliver"):
        if deliver_now(services(), oa, call_help=lambda: ring(oa)):
            ring(oa)


@shared_task(name="worker.wake")
def wake() -> None:
    """Ring for what has become due: a retry's time has come, or a bell was lost."""
    oa = services().settings.zalo_oa_id
    with later("wake"):
        if first_lane(services(), oa) is not None:
            ring(oa)


@shared_task(name="worker.sweep")
def sweep() -> None:
    with later("sweep"):
        sweeps.sweep(services(), services().settings.zalo_oa_id)


@shared_task(name="worker.settle")
def settle() -> None:
    with later("settle"):
        settle_uncertain(services(), services().settings.zalo_oa_id)


@shared_task(name="worker.renew_tokens")
def renew_tokens() -> None:
    with later("renew tokens"):
        services().tokens.renew_if_worn(services().settings.zalo_oa_id)


@shared_task(name="worker.keep_house")
def keep_house() -> None:
    with later("keep house"):
        sweeps.keep_house(services())
