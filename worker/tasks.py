"""The worker's Celery tasks: each handles one bell by one call, for all OAs or for the OA that the bell names."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from celery import shared_task
from sqlalchemy.exc import ProgrammingError

from config.oas import load_oas
from coordination.bell import heard, ring
from coordination.connection import QueueDown
from coordination.messages import HOPS
from coordination.refusals import refused
from coordination.rounds import Rounds
from ledger.base import setbacks
from ledger.base.away import AWAY, why_away
from ledger.notices import due_accounts, held_counts
from ledger.notices.switches import EVERY_OA
from ledger.reports import tally_rounds
from worker.delivery.engine import start_pump
from worker.delivery.pump import Pump
from worker.services.deployment import Deployment
from worker.services.setbacks import REMEMBERED
from worker.upkeep import acts, sweeps
from worker.upkeep.follower_sync import Sync, SyncStopped
from worker.upkeep.mailing import mail_reports
from worker.upkeep.settle import settle_uncertain

log = logging.getLogger("hcc.tasks")

_PASS_ON_SECONDS = 0.05
_SWEEP_SECONDS = 20.0  # well below the task's time limit; the next bell does the rest
_TALLY_SECONDS = 10.0  # as above
_ACTS_SECONDS = 10.0  # as above
_RENEW_SECONDS = 20.0  # as above; a single renewal may take another 20 s


@contextmanager
def later(task: str) -> Iterator[None]:
    """If the ledger or Redis is away, log one line; nothing is lost, and the next bell retries."""
    try:
        yield
    except QueueDown as away:
        log.error("%s put off why=%s", task, away)  # noqa: TRY400 (the sentence suffices)
    except ProgrammingError as fault:
        log.error("%s put off, is the ledger migrated? run `hcc migrate` why=%s", task, type(fault.orig).__name__)  # noqa: TRY400 (as above)
    except AWAY as away:
        log.error("%s put off, the ledger is away why=%s", task, why_away(away))  # noqa: TRY400 (as above)


@cache
def deployment() -> Deployment:
    """This process's services; created at the first bell, after the fork."""
    return Deployment(load_oas(), program=setbacks.WORKER)


@cache
def pump() -> Pump:
    """This process's pump; created at the first bell, after the fork."""
    shared = deployment().shared
    seconds = shared.settings.answer_seconds
    return start_pump(shared.open_sender(), shared=deployment().several, answer_seconds=seconds)


@shared_task(name="worker.deliver")
def deliver(oa: str, hops: int = 0) -> None:
    """Start delivery of due notices. The pump continues by itself; it calls for help if more are due than it holds."""
    heard("worker.deliver", oa)
    if oa not in deployment().oas:
        refused("a bell for an OA that is not of this deployment (HCC_OAS, HCC_ZALO_OA_ID)")
    elif pump().ask(deployment().of(oa), oa, call_help=lambda: ring(oa, HOPS)) and hops:
        ring(oa, hops - 1)
        time.sleep(_PASS_ON_SECONDS)  # if it were free at once, this process would get the bell that it passes on


@shared_task(name="worker.wake")
def wake() -> None:
    """Ring for OAs with due notices: a retry has become due, or a bell was lost."""
    with later("wake"):
        for oa in sweeps.to_deliver(deployment()):
            ring(oa)


@shared_task(name="worker.sweep")
def sweep() -> None:
    with later("sweep"):
        sweeps.sweep_all(deployment(), _SWEEP_SECONDS)
    with later("acts"):
        acts.carry_on(deployment(), _ACTS_SECONDS)


@shared_task(name="worker.settle")
def settle() -> None:
    with later("settle"):
        with deployment().shared.ledger.connect() as connection:
            doubtful = due_accounts.to_look_up(connection, deployment().oas)
        settling().run(doubtful, alone=not deployment().several)


@shared_task(name="worker.renew_tokens")
def renew_tokens() -> None:
    """Renew tokens one at a time, in the task itself: a process that ends during a renewal loses the grant."""
    with later("renew tokens"):
        with deployment().shared.ledger.connect() as connection:
            worn = due_accounts.to_renew(connection, deployment().oas)
        for oa in sweeps.in_time(worn, _RENEW_SECONDS):
            with later(f"renew tokens oa={oa}"):
                deployment().of(oa).tokens.renew_if_worn(oa)


@shared_task(name="worker.sync_followers")
def sync_followers() -> None:
    """Query Zalo for the followers of OAs whose ledger lost Zalo's reports: they cannot be recovered in another way."""
    with later("sync followers"):
        with deployment().shared.ledger.connect() as connection:
            unsynced = setbacks.to_sync(connection, deployment().oas, REMEMBERED)
        syncing().run(unsynced, alone=False)


@shared_task(name="worker.keep_house")
def keep_house() -> None:
    with later("keep house"):
        sweeps.keep_house(deployment().shared)


@shared_task(name="worker.tally")
def tally() -> None:
    """Recompute the roll-ups that are due, and what switches hold back; the next bell goes on where this one stops."""
    with later("tally"):
        tally_rounds.catch_up(deployment().shared.ledger, _TALLY_SECONDS)
        held_counts.count_held(deployment().shared.ledger, deployment().oas, seconds=_TALLY_SECONDS)


@shared_task(name="worker.reports")
def reports() -> None:
    """Mail the reports that are due; the next bell does not begin before they are made."""
    mailing_reports().run([EVERY_OA], alone=False)


@cache
def settling() -> Rounds:
    """The rounds of look-ups: if Zalo hangs for one OA, no other OA waits."""
    return Rounds("settle", _settle)


@cache
def syncing() -> Rounds:
    """The rounds of follower syncs, which take minutes. Each saves its position, so it may end with its process."""
    return Rounds("sync followers", _sync_followers)


@cache
def mailing_reports() -> Rounds:
    """One round for all OAs: it waits for another process, which may take minutes."""
    return Rounds("mail reports", _mail_reports)


def _mail_reports(_every_oa: str) -> None:
    with later("mail reports"):
        mail_reports(deployment().shared.ledger)


def _sync_followers(oa: str) -> None:
    with later(f"sync followers oa={oa}"):
        try:
            tally = Sync(deployment().of(oa), oa, by="sync").run(lambda _done, _total: None)
        except SyncStopped as stopped:
            log.error("sync of followers put off oa=%s why=%s", oa, stopped)  # noqa: TRY400 (the sentence suffices)
        else:
            log.info("followers synced oa=%s looked_up=%d met=%d left=%d", oa, tally.looked_up, tally.met, tally.left)


def _settle(oa: str) -> None:
    with later(f"settle oa={oa}"):
        settle_uncertain(deployment().of(oa))
