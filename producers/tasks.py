"""The producers' doorbells: each hears a bell and calls one verb."""

from __future__ import annotations

import logging
from functools import cache

from celery import shared_task
from sqlalchemy.exc import OperationalError, ProgrammingError

from config.settings import load
from producers.dossiers.mapping import MappingError
from producers.dossiers.poll import Poller, build_poller
from producers.dossiers.source import SourceError
from producers.hooks.apply import Applier, build_applier

log = logging.getLogger("hcc.producers")

_EVENTS_SECONDS = 10
_ROUND_SECONDS = 20  # well inside the task's time limit; what is left waits for the next bell


@cache
def poller() -> Poller:
    """This process's poller; made at the first bell, after the fork."""
    return build_poller(load())


@shared_task(name="producers.poll")
def poll() -> None:
    """Make one round; a fault of the source is one clear line, and the next bell tries again."""
    try:
        poller().round(_ROUND_SECONDS)
    except (OperationalError, ProgrammingError) as fault:
        why = type(fault.orig).__name__
        log.error("poll put off, the ledger is away or not migrated (`hcc migrate`) why=%s", why)  # noqa: TRY400
    except (SourceError, MappingError) as fault:
        log.error("poll failed: %s", fault)  # noqa: TRY400 (the sentence says it all)


@cache
def applier() -> Applier:
    """This process's applier; made at the first bell, after the fork."""
    return build_applier(load())


@shared_task(name="producers.events")
def events() -> None:
    """Draw the consequences of Zalo's events that were recorded."""
    try:
        applier().run(_EVENTS_SECONDS)
    except (OperationalError, ProgrammingError) as fault:
        why = type(fault.orig).__name__
        log.error("events put off, the ledger is away or not migrated (`hcc migrate`) why=%s", why)  # noqa: TRY400
