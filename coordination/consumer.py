"""Celery's consumer, reduced to what bells need: it takes our bells, ignores commands, and survives refusals.

* No mingle, gossip, heartbeat events or remote control: anybody who can write to the broker could use them to stop or
  empty a worker. The clock that each process publishes (`worker.services.clocks`) shows that a worker is alive.
* Messages that are not our bells (`coordination.messages`) are acknowledged, counted and dropped.
* No step for delayed messages. With quorum queues Celery would create 28 more queues at each start, for messages with
  `eta` or `countdown` (`celery.worker.consumer.delayed_delivery`). Work that is due later is in the ledger.
* If the broker refuses, the consumer retries after a second, then with a back-off of at most five. Celery would retry
  at once, as fast as it can, or still wait half a minute when the fault is long over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from coordination.messages import MessageFault, fault_of
from coordination.refusals import refused

log = logging.getLogger("hcc.queue")

_REST_SECONDS = 1.0
_LONGEST_REST_SECONDS = 5.0
_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
_CONTROL = "celery.worker.consumer.control:Control"
_WITHOUT = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """Celery's consumer with fewer steps and a back-off."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]  # as above
        """The steps of a worker's main process, in order."""

        default_steps: ClassVar[list[str]] = [
            step for step in consumer.Consumer.Blueprint.default_steps if step not in (_DELAYED, _CONTROL)
        ]

    def __init__(self, *arguments: Any, worker_options: dict[str, Any] | None = None, **more: Any) -> None:
        """Disable the unwanted steps, whatever the command line sets."""
        super().__init__(*arguments, worker_options={**(worker_options or {}), **_WITHOUT}, **more)

    def create_task_handler(self, *arguments: Any, **more: Any) -> Callable[[Any], None]:
        """The handler of each message: Celery's own for our bells; all others are dropped."""
        hear = super().create_task_handler(*arguments, **more)

        def on_message(message: Any) -> None:
            fault = _fault(message)
            if fault is None:
                hear(message)
            else:
                message.ack_log_error(log, self.connection_errors)
                refused(fault)

        return on_message

    def ensure_connected(self, conn: Any) -> Any:
        """Connect to the broker, retrying until it succeeds."""

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
        """Wait and retry: the broker refused, or accepted the connection but does not answer."""
        log.error("the broker refuses, again in %.0f s why=%s", _REST_SECONDS, type(exc).__name__)
        time.sleep(_REST_SECONDS)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close the connection with everything that belongs to it, and wait."""
        super().on_connection_error_after_connected(exc)
        time.sleep(_REST_SECONDS)


def _fault(message: Any) -> MessageFault | None:
    if message.errors:
        return MessageFault.BYTES
    return fault_of(message.headers, message.body, message.content_type)
