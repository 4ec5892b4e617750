"""Beat's scheduler: Celery's, but that it rings as everybody else does, and never stops for a broker that refuses."""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler

from worker.queue.bell import ring_task


class BoundedScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Keeps nothing on disk; what is not rung now is due again at its next time."""

    producer = None  # Celery's would be connected before each ring, and wait for half a minute between two tries

    def apply_entry(self, entry: Any, producer: Any = None) -> None:  # noqa: ARG002 (Celery's)
        """Ring, unless the bells that hang there say the same."""
        ring_task(entry.task)
