"""Ringing the bell: a message that says "there is work" for an OA, never what. Lost or doubled, it does no harm."""

from __future__ import annotations

from celery import current_app

_STALE_SECONDS = 30  # a bell that nobody heard for so long has been rung again since


def ring(oa: str) -> None:
    """Ask some worker to deliver what is due for `oa`. Raises kombu's OperationalError where the broker is away."""
    current_app.send_task("worker.deliver", args=(oa,), expires=_STALE_SECONDS, retry=False, ignore_result=True)
