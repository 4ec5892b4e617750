"""Beat's scheduler: Celery's, but that it rings no more where too many bells hang unheard."""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import Scheduler

from config.celeryconfig import ROUTES
from worker.queue.bell import unheard

log = logging.getLogger("hcc.bell")


class BoundedScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Keeps nothing on disk; what is not rung now is due again at its next time."""

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Ring, unless the bells that hang there say the same."""
        if not self._would_pile_up(ROUTES[entry.task]):
            super().apply_entry(entry, producer=producer)

    def _would_pile_up(self, queue: str) -> bool:
        try:
            return unheard().too_many(queue)
        except Exception as error:  # noqa: BLE001 (each broker's client has its own errors; the ring tells them better)
            log.debug("the queue could not be asked queue=%s why=%s", queue, type(error).__name__)
            return False
