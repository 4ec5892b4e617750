"""Ringing the bell: a message that says "there is work" for an OA, never what. Lost or doubled, it does no harm."""

from __future__ import annotations

import logging
from functools import cache

from celery import Celery
from kombu.exceptions import OperationalError

from config.celeryconfig import celery_settings
from config.settings import load

log = logging.getLogger("hcc.bell")

_STALE_SECONDS = 30  # a bell that nobody heard for so long has been rung again since


def ring(oa: str) -> None:
    """Ask some worker to deliver what is due for `oa`. Never raises: a lost bell is made good by the next wake."""
    _send("worker.deliver", oa)


def ring_events() -> None:
    """Ask some worker to draw the consequences of Zalo's events; never raises, as above."""
    _send("producers.events")


def _send(task: str, *arguments: str) -> None:
    try:
        _ringer().send_task(task, args=arguments, expires=_STALE_SECONDS, retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("the bell was not heard, it will be rung again task=%s why=%s", task, type(error).__name__)


@cache
def _ringer() -> Celery:
    """Its own Celery app, so that commands and pollers ring alike, whether or not they run inside a worker."""
    app = Celery("hcc bell", set_as_current=False)
    app.config_from_object(celery_settings(load("redis_url")))
    return app
