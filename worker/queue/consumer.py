"""Celery's consumer without the step for delayed messages.

Where Celery sees quorum queues it makes 28 more of them at each start of a worker, for messages with `eta` or
`countdown` (`celery.worker.consumer.delayed_delivery`). We have none of these: what is due later is in the ledger.
"""

from __future__ import annotations

from typing import ClassVar

from celery.worker import consumer

_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """As Celery's, with fewer steps."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]  # as above
        """What a worker's main process does, in order."""

        default_steps: ClassVar[list[str]] = [
            step for step in consumer.Consumer.Blueprint.default_steps if step != _DELAYED
        ]
