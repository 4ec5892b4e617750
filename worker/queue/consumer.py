"""Celery's consumer, kept to what bells need: it takes our bells, hears no commands, and outlives each refusal.

* No mingle, gossip, heartbeat events or remote control: whoever can write to the broker could end or empty a worker by
  them. That a worker lives is told by the clock that each process publishes (`worker.clocks`).
* What is no bell of ours (`worker.queue.messages`) is acknowledged, counted and forgotten.
* No step for delayed messages. Where Celery sees quorum queues it would make 28 more of them at each start, for
  messages with `eta` or `countdown` (`celery.worker.consumer.delayed_delivery`). What is due later is in the ledger.
* Where the broker refuses, it is asked again after a second, and then in steps of at most five: Celery would come back
  at once, as often as it can, or wait for half a minute when the fault is long over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from worker.queue.messages import MessageFault, fault_of
from worker.queue.refusals import refused

log = logging.getLogger("hcc.queue")

_REST_SECONDS = 1.0
_LONGEST_REST_SECONDS = 5.0
_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
_CONTROL = "celery.worker.consumer.control:Control"
_WITHOUT = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """As Celery's, with fewer steps and more patience."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]  # as above
        """What a worker's main process does, in order."""

        default_steps: ClassVar[list[str]] = [
            step for step in consumer.Consumer.Blueprint.default_steps if step not in (_DELAYED, _CONTROL)
        ]

    def __init__(self, *arguments: Any, worker_options: dict[str, Any] | None = None, **more: Any) -> None:
        """Whatever the command line says, the steps that we do without stay out."""
        super().__init__(*arguments, worker_options={**(worker_options or {}), **_WITHOUT}, **more)

    def create_task_handler(self, *arguments: Any, **more: Any) -> Callable[[Any], None]:
        """What hears each message: Celery's own, for those that are bells of ours."""
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


def _fault(message: Any) -> MessageFault | None:
    if message.errors:
        return MessageFault.BYTES
    return fault_of(message.headers, message.body, message.content_type)
