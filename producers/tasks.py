"""The producers' doorbells: each hears a bell and calls one verb."""

from __future__ import annotations

import logging
from functools import cache

from celery import shared_task

from config.settings import load
from producers.dossiers.mapping import MappingError
from producers.dossiers.poll import Poller, build_poller
from producers.dossiers.source import SourceError

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
    except (SourceError, MappingError) as fault:
        logging.getLogger("hcc.producers").error("poll failed: %s", fault)  # noqa: TRY400 (the sentence says it all)
