"""Celery's consumer, which outlives every refusal of its broker, without the step for delayed messages.

Where the broker refuses, it is asked again after a second, and then in steps of at most five: Celery would come back at
once, as often as it can, or wait for half a minute when the fault is long over.

Where Celery sees quorum queues it makes 28 more of them at each start of a worker, for messages with `eta` or
`countdown` (`celery.worker.consumer.delayed_delivery`). We have none of these: what is due later is in the ledger.
"""

from __future__ import annotations

import logging
import time
from typing import Any, ClassVar

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

log = logging.getLogger("hcc.bell")

_REST_SECONDS = 1.0
_LONGEST_REST_SECONDS = 5.0
_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """As Celery's, with fewer steps and more patience."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]  # as above
        """What a worker's main process does, in order."""

        default_steps: ClassVar[list[str]] = [
            step for step in consumer.Consumer.Blueprint.default_steps if step != _DELAYED
        ]

    def ensure_connected(self, conn: Any) -> Any:
        """The broker's connection, as soon as there is one."""

        def say(fault: Exception, seconds: float) -> None:
            log.error("Cannot connect to the broker, again in %.0f s why=%s", seconds, type(fault).__name__)

        return conn.ensure_connection(
            say,
            None,
            interval_start=_REST_SECONDS,
            interval_step=_REST_SECONDS,
            interval_max=_LONGEST_REST_SECONDS,
            callback=maybe_shutdown,
        )

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """It let us in, or did not even that, and nothing is heard from it."""
        log.error("the broker refuses, again in %.0f s why=%s", _REST_SECONDS, type(exc).__name__)
        time.sleep(_REST_SECONDS)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Leave the connection, with all that belongs to it."""
        super().on_connection_error_after_connected(exc)
        time.sleep(_REST_SECONDS)
