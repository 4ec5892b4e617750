"""Checks that ledger, Redis and broker can do their work, not merely that they answer."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from coordination.bell import knock
from coordination.connection import PREFIX, QueueDown, redis_errors
from domain.alarm import AlarmCause
from ledger.base.able import refusal
from ledger.base.away import why_away
from ledger.migrate import missing
from operators.reasons import sentence_of
from worker.services.shared import Shared


def unable(shared: Shared, *, revisions: bool = True) -> Iterator[tuple[AlarmCause, str, str]]:
    """Each server that does not work: the cause, a line for machines, a sentence for operators.

    Without `revisions` nobody asks whether the ledger lacks migrations, which reads every migration of the code.
    """
    yield from _ledger(shared, revisions=revisions)
    try:
        with redis_errors("take a write"):
            shared.redis.set(f"{PREFIX}checked", 1, px=1000)
    except QueueDown as down:
        yield AlarmCause.REDIS, "Redis does not answer or takes no writes", sentence_of(down) or str(down)
    try:
        knock(shared.settings)
    except QueueDown as down:
        yield AlarmCause.BROKER, str(down), sentence_of(down) or str(down)


def _ledger(shared: Shared, *, revisions: bool) -> Iterator[tuple[AlarmCause, str, str]]:
    try:
        if revisions and missing(shared.ledger):
            line = "the ledger lacks migrations: run `hcc migrate`"
            yield AlarmCause.LEDGER, line, "sổ thông báo thiếu bước nâng cấp; chạy `hcc migrate`"
        elif refused := refusal(shared.ledger):
            line = f"the ledger takes no writes: {why_away(refused)}"
            yield AlarmCause.LEDGER, line, sentence_of(refused) or line
    except DBAPIError as away:
        yield AlarmCause.LEDGER, "the ledger does not answer", sentence_of(away) or "sổ thông báo không trả lời"
