"""The producers' doorbells: each hears a bell and calls one verb."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from celery import shared_task
from sqlalchemy.exc import OperationalError, ProgrammingError

from config.settings import load
from producers.dossiers.mapping import MappingError
from producers.dossiers.poll import Poller, build_poller
from producers.dossiers.source import SourceError
from producers.hooks.apply import Applier, build_applier
from worker.queue.bell import heard

log = logging.getLogger("hcc.producers")

_EVENTS_SECONDS = 10
_ROUND_SECONDS = 20  # well inside the task's time limit; what is left waits for the next bell
_RECONCILE_SECONDS = 1  # a slice: the rest of the pass waits for the next bell, and other bells are heard meanwhile


@cache
def poller() -> Poller:
    """This process's poller; made at the first bell, after the fork."""
    return build_poller(load())


@shared_task(name="producers.poll")
def poll() -> None:
    """Make one round."""
    _say_faults("poll", lambda: poller().round(_ROUND_SECONDS))


@shared_task(name="producers.reconcile")
def reconcile() -> None:
    """Go on with the slow pass, unless it rests."""
    _say_faults("reconcile", lambda: poller().reconcile(_RECONCILE_SECONDS))


def _say_faults(what: str, work: Callable[[], object]) -> None:
    """A fault of the source is one clear line, and the next bell tries again."""
    try:
        work()
    except (OperationalError, ProgrammingError) as fault:
        why = type(fault.orig).__name__
        log.error("%s put off, the ledger is away or not migrated (`hcc migrate`) why=%s", what, why)  # noqa: TRY400
    except (SourceError, MappingError) as fault:
        log.error("%s failed: %s", what, fault)  # noqa: TRY400 (the sentence says it all)


@shared_task(name="producers.remind")
def remind() -> None:
    """Record the reminders that are due; at night there are none."""
    _say_faults("remind", lambda: poller().remind())


@cache
def applier() -> Applier:
    """This process's applier; made at the first bell, after the fork."""
    return build_applier(load())


@shared_task(name="producers.events")
def events() -> None:
    """Draw the consequences of Zalo's events that were recorded."""
    heard("producers.events")
    _say_faults("events", lambda: applier().run(_EVENTS_SECONDS))
