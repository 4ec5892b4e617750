"""The clerk: writes down what answers came to, a chunk in one transaction, and never drops one.

Whatever the ledger raises, the answers are kept and tried again: an acceptance that is lost would leave its notice in
doubt. One that the ledger does not take as it is must not keep the others from it: it is written alone, and in the end
without what may be wrong with it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import DataError, IntegrityError

from worker.answers import Answer, complete
from worker.deliver import Shipment
from worker.domain.outcome import Sent
from worker.ledger.away import why_away

log = logging.getLogger("hcc.deliver")

_CHUNK = 200  # answers written at once …
_CHUNK_SECONDS = 0.1  # … or what came in so long: what a crash can leave uncertain stays small
_AWAY_SECONDS = 0.5  # between two tries while the ledger is away
_REFUSED_SECONDS = 10.0  # between two tries of what the ledger refuses though it is there
_POISON = (DataError, IntegrityError, ValueError)  # the last: psycopg2 finds that a text cannot be one


class Clerk:
    """Holds the answers that are not in the ledger yet.

    In the pump's own thread: one beside it was tried, and the two spent on the interpreter's lock what they won.
    """

    def __init__(self) -> None:
        self._unwritten: list[Answer] = []
        self._write_at = 0.0  # monotonic, as below
        self._again = False  # whether some of these may be in the ledger, though it did not say so
        self._refused: list[Answer] = []
        self._retry_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether some answer is not in the ledger yet."""
        return bool(self._unwritten or self._refused)

    @property
    def full(self) -> bool:
        """Back pressure: the ledger does not take what we have, and nothing more should be claimed."""
        return len(self._unwritten) >= _CHUNK

    def waits(self, now: float) -> float:
        """Seconds until it is time to write; infinite where nothing is unwritten."""
        writes = self._write_at - now if self._unwritten else math.inf
        retries = self._retry_at - now if self._refused else math.inf
        return max(0.0, min(writes, retries))

    def note(self, answer: Answer) -> None:
        """An answer came."""
        if not self._unwritten:
            self._write_at = time.monotonic() + _CHUNK_SECONDS
        self._unwritten.append(answer)
        if len(self._unwritten) == _CHUNK:
            self._write_at = 0.0

    def work(self) -> list[Shipment]:
        """Write if it is time; gives shipments whose access was refused, one an OA and channel."""
        now = time.monotonic()
        if self.waits(now) > 0:
            return []
        written = _Written()
        if self._refused and self._retry_at <= now:
            refused, self._refused = self._refused, []
            _write_each(refused, written)
            self._retry_at = now + _REFUSED_SECONDS
        if self._unwritten and self._write_at <= now:
            answers, self._unwritten = self._unwritten, []
            _write(answers, written, again=self._again)
        self._keep(written)
        return written.no_access

    def _keep(self, written: _Written) -> None:
        """What could not be written is tried again: all together where the ledger is away, alone what it refuses."""
        self._unwritten += written.kept
        self._again = bool(written.kept)
        if written.kept:
            self._write_at = time.monotonic() + _AWAY_SECONDS
        if written.refused and not self._refused:
            self._retry_at = time.monotonic() + _REFUSED_SECONDS
        self._refused += written.refused


@dataclass(slots=True)
class _Written:
    """What is left of answers after a try: `kept` for a moment, `refused` each by itself; shipments without access."""

    kept: list[Answer] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    no_access: list[Shipment] = field(default_factory=list)


def _write(answers: Sequence[Answer], written: _Written, *, again: bool) -> None:
    """Record answers together; one that the ledger refuses must not keep the others from it."""
    try:
        written.no_access += complete(answers, again=again)
    except _POISON:
        _write_each(answers, written)
    except Exception as away:  # noqa: BLE001 (whatever it is: an accepted send that is dropped becomes a doubt)
        log.error("answers=%d kept, the ledger does not take them why=%s", len(answers), why_away(away))  # noqa: TRY400 (the sentence says all)
        written.kept += answers


def _write_each(answers: Sequence[Answer], written: _Written) -> None:
    """Record answers one by one; of one that is refused without the message id, the only part that is not ours."""
    for answer in answers:
        for told in (answer, _without_id(answer)):
            try:
                written.no_access += complete([told], again=True)
                break
            except _POISON as fault:
                why = fault
            except Exception:  # noqa: BLE001 (as above)
                written.kept.append(answer)
                break
        else:
            log.error("not recordable, tried again later notice=%d why=%s", answer.attempt.notice.id, why_away(why))
            written.refused.append(answer)


def _without_id(answer: Answer) -> Answer:
    attempt = answer.attempt
    outcome = Sent("") if isinstance(attempt.outcome, Sent) else attempt.outcome
    return replace(answer, attempt=replace(attempt, outcome=outcome))
