"""The producers' doorbells: each hears a bell and calls one verb for every OA that it is time for."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from functools import cache, partial

from celery import shared_task
from sqlalchemy.exc import ProgrammingError

from config.oas import load_oas
from producers.dossiers.identity import StrangeSource
from producers.dossiers.mapping import MappingError
from producers.dossiers.source import SourceError
from producers.office import Office
from worker.ledger import work
from worker.ledger.away import AWAY, why_away
from worker.queue.bell import heard
from worker.rounds import Rounds

log = logging.getLogger("hcc.producers")

_EVENTS_SECONDS = 10.0
_EVENTS_TURN = 2.0  # of one OA, where others wait
_ROUND_SECONDS = 20  # well inside the task's time limit; what is left waits for the next bell
_RECONCILE_SECONDS = 1  # a slice: the rest of the pass waits for the next bell, and other bells are heard meanwhile


@cache
def office() -> Office:
    """This process's producers; made at the first bell, after the fork."""
    return Office(load_oas())


@shared_task(name="producers.poll")
def poll() -> None:
    """Make one round."""
    _run(polling(), office().due())


@shared_task(name="producers.reconcile")
def reconcile() -> None:
    """Go on with the slow pass, unless it rests."""
    _run(reconciling(), office().oas)


@shared_task(name="producers.remind")
def remind() -> None:
    """Record the reminders that are due; at night there are none."""
    _run(reminding(), office().oas)


def _run(rounds: Rounds, oas: Sequence[str]) -> None:
    """Beside the task, with one OA too: a dossier database that falls silent would hold it until Celery ends the
    process, with all sends that it has in hand. What waits there in vain is broken off at a later bell.
    """
    for late in rounds.run(oas, alone=False):
        office().break_off(late)


@shared_task(name="producers.events")
def events() -> None:
    """Draw the consequences of Zalo's events that were recorded."""
    heard("producers.events")
    _say_faults("events", _apply_events)


@cache
def polling() -> Rounds:
    """Rounds over the dossier databases, one an OA."""
    return _rounds("poll", lambda oa: office().poller(oa).round(_ROUND_SECONDS))


@cache
def reconciling() -> Rounds:
    """Slices of the slow pass."""
    return _rounds("reconcile", lambda oa: office().poller(oa).reconcile(_RECONCILE_SECONDS))


@cache
def reminding() -> Rounds:
    """Looks for reminders."""
    return _rounds("remind", lambda oa: office().poller(oa).remind())


def _rounds(what: str, verb: Callable[[str], object]) -> Rounds:
    def told(oa: str) -> str:
        return f"{what} oa={oa}" if office().several else what

    return Rounds(what, lambda oa: _say_faults(told(oa), lambda: verb(oa)))


def _apply_events() -> None:
    """Of each OA that has some, a turn; in any order, so that it is not always the same ones that have to wait."""
    with office().ledger.connect() as connection:
        waiting = work.to_apply(connection, office().oas, office().reader)
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
    """A fault of the source is one clear line, and the next bell tries again."""
    try:
        verb()
    except (*AWAY, ProgrammingError) as fault:
        why = why_away(fault)
        log.error("%s put off, the ledger is away or not migrated (`hcc migrate`) why=%s", what, why)  # noqa: TRY400 (the sentence says it all)
    except StrangeSource:
        pass  # said once, when it was met; `hcc doctor` and the metrics go on saying it
    except (SourceError, MappingError) as fault:
        log.error("%s failed: %s", what, fault)  # noqa: TRY400 (the sentence says it all)
