"""The clerk: writes down what answers came to, a chunk in one transaction.

What cannot be written while the ledger is away is kept and tried again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from worker.answers import Answer, settle
from worker.deliver import Shipment

log = logging.getLogger("hcc.deliver")

_CHUNK = 200  # answers written at once …
_CHUNK_SECONDS = 0.1  # … or what came in so long: what a crash can leave uncertain stays small
_AWAY_SECONDS = 0.5  # between two tries while the ledger is away
_POISON = (DataError, IntegrityError, ValueError)  # the last: psycopg2 finds that a text cannot be one


class Clerk:
    """Holds the answers that are not in the ledger yet.

    In the pump's own thread: one beside it was tried, and the two spent on the interpreter's lock what they won.
    """

    def __init__(self) -> None:
        self._unwritten: list[Answer] = []
        self._write_at = 0.0  # monotonic

    @property
    def busy(self) -> bool:
        """Whether some answer is not in the ledger yet."""
        return bool(self._unwritten)

    @property
    def full(self) -> bool:
        """Back pressure: the ledger does not take what we have, and nothing more should be claimed."""
        return len(self._unwritten) >= _CHUNK

    def waits(self, now: float) -> float:
        """Seconds until it is time to write; infinite where nothing is unwritten."""
        return max(0.0, self._write_at - now) if self._unwritten else math.inf

    def note(self, answer: Answer) -> None:
        """An answer came."""
        if not self._unwritten:
            self._write_at = time.monotonic() + _CHUNK_SECONDS
        self._unwritten.append(answer)
        if len(self._unwritten) == _CHUNK:
            self._write_at = 0.0

    def work(self) -> list[Shipment]:
        """Write if it is time; gives shipments whose access was refused, one an OA and channel."""
        if self.waits(time.monotonic()) > 0:
            return []
        answers, self._unwritten = self._unwritten, []
        self._unwritten, refused = _write(answers)
        if self._unwritten:
            self._write_at = time.monotonic() + _AWAY_SECONDS
        return refused


def _write(answers: Sequence[Answer]) -> tuple[list[Answer], list[Shipment]]:
    """Record answers; gives those to be tried again, and shipments whose access was refused."""
    try:
        return [], settle(answers)
    except _POISON as fault:
        if len(answers) > 1:  # one answer that the ledger does not take must not keep the others from it
            each = [_write([answer]) for answer in answers]
            return [one for kept, _ in each for one in kept], [one for _, refused in each for one in refused]
        log.error("not recordable notice=%d why=%s", answers[0].attempt.notice.id, type(fault).__name__)  # noqa: TRY400 (its text may quote what a person is told)
        return [], []
    except DBAPIError as away:
        log.error("answers=%d kept, the ledger is away why=%s", len(answers), type(away.orig).__name__)  # noqa: TRY400 (the sentence says all)
        return list(answers), []
