"""The worker's doorbells: each hears a bell and calls one verb, for all OAs or for the one that the bell names."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from celery import shared_task
from sqlalchemy.exc import ProgrammingError

from config.oas import load_oas
from worker import sweeps
from worker.deployment import Deployment
from worker.engine import start_pump
from worker.followers import Sync, SyncStopped
from worker.ledger import setbacks, work
from worker.ledger.away import AWAY, why_away
from worker.pump import Pump
from worker.queue.bell import heard, ring
from worker.queue.connection import QueueDown
from worker.queue.messages import HOPS
from worker.queue.refusals import refused
from worker.rounds import Rounds
from worker.setbacks import REMEMBERED
from worker.settle import settle_uncertain

log = logging.getLogger("hcc.tasks")

_PASS_ON_SECONDS = 0.05
_SWEEP_SECONDS = 20.0  # well inside the task's time limit; what is left waits for the next bell
_RENEW_SECONDS = 20.0  # as above; one renewal may take as long again


@contextmanager
def later(task: str) -> Iterator[None]:
    """Ledger or Redis away for a moment: one line, nothing lost, the next bell tries again."""
    try:
        yield
    except QueueDown as away:
        log.error("%s put off why=%s", task, away)  # noqa: TRY400 (the sentence says all)
    except ProgrammingError as fault:
        log.error("%s put off, is the ledger migrated? run `hcc migrate` why=%s", task, type(fault.orig).__name__)  # noqa: TRY400 (as above)
    except AWAY as away:
        log.error("%s put off, the ledger is away why=%s", task, why_away(away))  # noqa: TRY400 (as above)


@cache
def deployment() -> Deployment:
    """This process's services; made at the first bell, after the fork."""
    return Deployment(load_oas(), program=setbacks.WORKER)


@cache
def pump() -> Pump:
    """This process's pump; made at the first bell, after the fork."""
    shared = deployment().shared
    seconds = shared.settings.answer_seconds
    return start_pump(shared.open_sender(), shared=deployment().several, answer_seconds=seconds)


@shared_task(name="worker.deliver")
def deliver(oa: str, hops: int = 0) -> None:
    """Deliver what is due; the pump goes on by itself, and calls for help where there is more than it has in hand."""
    heard("worker.deliver", oa)
    if oa not in deployment().oas:
        refused("a bell for an OA that is not of this deployment (HCC_OAS, HCC_ZALO_OA_ID)")
    elif pump().ask(deployment().of(oa), oa, call_help=lambda: ring(oa, HOPS)) and hops:
        ring(oa, hops - 1)
        time.sleep(_PASS_ON_SECONDS)  # a process that is free at once would be given the bell that it passes on


@shared_task(name="worker.wake")
def wake() -> None:
    """Ring for what has become due: a retry's time has come, or a bell was lost."""
    with later("wake"):
        for oa in sweeps.to_deliver(deployment()):
            ring(oa)


@shared_task(name="worker.sweep")
def sweep() -> None:
    with later("sweep"):
        sweeps.sweep_all(deployment(), _SWEEP_SECONDS)


@shared_task(name="worker.settle")
def settle() -> None:
    with later("settle"):
        with deployment().shared.ledger.connect() as connection:
            doubtful = work.to_look_up(connection, deployment().oas)
        settling().run(doubtful, alone=not deployment().several)


@shared_task(name="worker.renew_tokens")
def renew_tokens() -> None:
    """One after the other, and in the task itself: a process that ended under a renewal would cost the grant."""
    with later("renew tokens"):
        with deployment().shared.ledger.connect() as connection:
            worn = work.to_renew(connection, deployment().oas)
        for oa in sweeps.in_time(worn, _RENEW_SECONDS):
            with later(f"renew tokens oa={oa}"):
                deployment().of(oa).tokens.renew_if_worn(oa)


@shared_task(name="worker.sync_followers")
def sync_followers() -> None:
    """Ask Zalo who follows, where the ledger lost what Zalo told us: what is lost cannot be found in any other way."""
    with later("sync followers"):
        with deployment().shared.ledger.connect() as connection:
            unsynced = setbacks.to_sync(connection, deployment().oas, REMEMBERED)
        syncing().run(unsynced, alone=False)


@shared_task(name="worker.keep_house")
def keep_house() -> None:
    with later("keep house"):
        sweeps.keep_house(deployment().shared)


@cache
def settling() -> Rounds:
    """Look-ups: a Zalo that hangs for one OA keeps no other waiting."""
    return Rounds("settle", _settle)


@cache
def syncing() -> Rounds:
    """Syncs of followers, which take minutes: each keeps its place, and ends with its process without harm."""
    return Rounds("sync followers", _sync_followers)


def _sync_followers(oa: str) -> None:
    with later(f"sync followers oa={oa}"):
        try:
            tally = Sync(deployment().of(oa), oa, by="sync").run(lambda _done, _total: None)
        except SyncStopped as stopped:
            log.error("sync of followers put off oa=%s why=%s", oa, stopped)  # noqa: TRY400 (the sentence says all)
        else:
            log.info("followers synced oa=%s looked_up=%d met=%d left=%d", oa, tally.looked_up, tally.met, tally.left)


def _settle(oa: str) -> None:
    with later(f"settle oa={oa}"):
        settle_uncertain(deployment().of(oa), oa)
