"""Able, not alive: whether ledger, Redis and broker do what the work needs of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from operators.reasons import sentence_of
from worker.domain.alarm import AlarmCause
from worker.ledger.able import refusal
from worker.ledger.away import why_away
from worker.ledger.migrate import missing
from worker.queue.bell import knock
from worker.queue.connection import PREFIX, QueueDown, door, open_redis
from worker.shared import Shared


def unable(shared: Shared) -> Iterator[tuple[AlarmCause, str, str]]:
    """What does not work: the cause, a line for machines, a sentence for operators."""
    yield from _ledger(shared)
    try:
        with door("take a write"):
            open_redis(shared.settings.redis_url).set(f"{PREFIX}checked", 1, px=1000)
    except QueueDown as down:
        yield AlarmCause.REDIS, "Redis does not answer or takes no writes", sentence_of(down) or str(down)
    try:
        knock(shared.settings)
    except QueueDown as down:
        yield AlarmCause.BROKER, str(down), sentence_of(down) or str(down)


def _ledger(shared: Shared) -> Iterator[tuple[AlarmCause, str, str]]:
    try:
        if missing(shared.ledger):
            line = "the ledger lacks migrations: run `hcc migrate`"
            yield AlarmCause.LEDGER, line, "sổ thông báo thiếu bước nâng cấp; chạy `hcc migrate`"
        elif refused := refusal(shared.ledger):
            line = f"the ledger takes no writes: {why_away(refused)}"
            yield AlarmCause.LEDGER, line, sentence_of(refused) or line
    except DBAPIError as away:
        yield AlarmCause.LEDGER, "the ledger does not answer", sentence_of(away) or "sổ thông báo không trả lời"
