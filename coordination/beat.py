"""Beat's scheduler: Celery's, but it rings through `coordination.bell`, so a refusing broker never stops it."""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler

from coordination.bell import ring_task


class BoundedScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Keeps nothing on disk; a ring that fails is due again at its next scheduled time."""

    producer = None  # Celery's would be connected before each ring, and wait half a minute between retries

    def apply_entry(self, entry: Any, producer: Any = None) -> None:  # noqa: ARG002 (Celery's)
        """Ring, unless too many unheard bells are in the queue already."""
        ring_task(entry.task)
