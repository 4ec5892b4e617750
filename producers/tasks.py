"""The producers' Celery tasks: each hears a bell and calls one function for every OA that is due."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial

from celery import shared_task
from sqlalchemy.exc import ProgrammingError

from config.oas import load_oas
from coordination.bell import heard, ring
from coordination.rounds import Rounds
from ledger.base.away import AWAY, why_away
from ledger.notices import due_accounts
from producers.dossiers.identity import StrangeSource
from producers.dossiers.mapping import MappingError
from producers.dossiers.source import SourceError
from producers.news import tell_news
from producers.probe import probe
from producers.services import ProducerServices

log = logging.getLogger("hcc.producers")

_EVENTS_SECONDS = 10.0
_EVENTS_TURN = 2.0  # of one OA, while others wait
_ROUND_SECONDS = 20  # well within the task's time limit; the rest waits for the next bell
_RECONCILE_SECONDS = 1  # a slice: the rest of the pass waits for the next bell, and other bells are heard meanwhile


@cache
def office() -> ProducerServices:
    """This process's producers; built at the first bell, after the fork."""
    return ProducerServices(load_oas())


@shared_task(name="producers.poll")
def poll() -> None:
    """Run one round."""
    _run(polling(), office().due())


@shared_task(name="producers.reconcile")
def reconcile() -> None:
    """Continue the slow pass, unless it rests."""
    _run(reconciling(), office().oas)


@shared_task(name="producers.remind")
def remind() -> None:
    """Record the reminders due; at night there are none."""
    _run(reminding(), office().oas)


def _run(rounds: Rounds, oas: Sequence[str]) -> None:
    """Run the rounds in threads, not in the task, even with one OA. A dossier database that stops answering would block
    the task until Celery ends the process, with all its sends in flight. An overdue wait is cut at a later bell.
    """
    for late in rounds.run(oas, alone=False):
        office().break_off(late)


@shared_task(name="producers.tell_staff")
def tell_staff() -> None:
    """Record the probe of the hour, and the news for staff that are due."""
    for oa in office().oas:
        _say_faults("staff", partial(_tell_staff, oa))


def _tell_staff(oa: str) -> None:
    with office().ledger.begin() as tx:
        new = probe(tx, oa)
    new += tell_news(office().ledger, oa, datetime.now(UTC))
    if new:
        ring(oa)


@shared_task(name="producers.events")
def events() -> None:
    """Apply the recorded events of Zalo."""
    heard("producers.events")
    _say_faults("events", _apply_events)


@cache
def polling() -> Rounds:
    """Rounds over the dossier databases, one per OA."""
    return _rounds("poll", lambda oa: office().poller(oa).round(_ROUND_SECONDS))


@cache
def reconciling() -> Rounds:
    """Slices of the slow pass."""
    return _rounds("reconcile", lambda oa: office().poller(oa).reconcile(_RECONCILE_SECONDS))


@cache
def reminding() -> Rounds:
    """Checks for due reminders."""
    return _rounds("remind", lambda oa: office().poller(oa).remind())


def _rounds(what: str, verb: Callable[[str], object]) -> Rounds:
    def told(oa: str) -> str:
        return f"{what} oa={oa}" if office().several else what

    return Rounds(what, lambda oa: _say_faults(told(oa), lambda: verb(oa)))


def _apply_events() -> None:
    """Give each OA with events a turn, in random order, so that it is not always the same OAs that have to wait."""
    with office().ledger.connect() as connection:
        waiting = due_accounts.to_apply(connection, office().oas, office().reader)
    end = time.monotonic() + _EVENTS_SECONDS
    random.shuffle(waiting)
    for oa in waiting:
        left = end - time.monotonic()
        if left > 0:
            seconds = left if len(waiting) == 1 else min(left, _EVENTS_TURN)
            _say_faults("events", partial(_apply_events_of, oa, seconds))


def _apply_events_of(oa: str, seconds: float) -> None:
    office().applier(oa).run(seconds)


def _say_faults(what: str, verb: Callable[[], object]) -> None:
    """Log a fault of the source or the ledger as one clear line; the next bell tries again."""
    try:
        verb()
    except (*AWAY, ProgrammingError) as fault:
        why = why_away(fault)
        log.error("%s put off, the ledger is away or not migrated (`hcc migrate`) why=%s", what, why)  # noqa: TRY400 (the sentence says it all)
    except StrangeSource:
        pass  # logged once, when it was met; `hcc doctor` and the metrics keep reporting it
    except (SourceError, MappingError) as fault:
        log.error("%s failed: %s", what, fault)  # noqa: TRY400 (the sentence says it all)
