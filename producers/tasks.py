"""The producers' doorbell."""

from __future__ import annotations

import logging
from functools import cache

from celery import shared_task

from config.settings import load
from producers.dossiers.poll import Poller, build_poller
from producers.dossiers.source import SourceError

log = logging.getLogger("hcc.producers")


@cache
def poller() -> Poller:
    """This process's poller; made at the first bell, after the fork."""
    return build_poller(load())


@shared_task(name="producers.poll")
def poll() -> None:
    """One round; a source that is away delays, and the next ring asks again."""
    try:
        poller().round()
    except SourceError as error:
        log.error("%s", error)  # noqa: TRY400 (the sentence says all)
