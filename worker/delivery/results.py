"""Writes completed attempts to the ledger, one chunk per transaction, and never drops one.

On any error of the ledger the answers are kept and retried: if an acceptance were lost, its notice would be in doubt.
An answer that the ledger refuses must not block the others: it is written alone, and then without the message id, the
part that may be invalid.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import DataError, IntegrityError

from domain.outcome import Sent
from ledger.base.away import why_away
from worker.delivery.completion import CompletedAttempt, complete
from worker.delivery.deliver import OutboundBatch

log = logging.getLogger("hcc.deliver")

_CHUNK = 200  # answers per transaction …
_CHUNK_SECONDS = 0.1  # … or those of this time, so that a crash leaves few notices uncertain
_AWAY_SECONDS = 0.5  # between two tries while the ledger is away
_REFUSED_SECONDS = 10.0  # between two tries of an answer that the ledger refuses although it is available
_POISON = (DataError, IntegrityError, ValueError)  # ValueError: psycopg2 rejects an invalid text


class ResultWriter:
    """Holds the answers that are not in the ledger yet.

    It runs in the pump's own thread. A separate thread was tried: contention for the GIL cost as much as it gained.
    """

    def __init__(self) -> None:
        self._unwritten: list[CompletedAttempt] = []
        self._write_at = 0.0  # monotonic, as below
        self._again = False  # whether some of these may be in the ledger without its acknowledgement
        self._refused: list[CompletedAttempt] = []
        self._retry_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether some answer is not in the ledger yet."""
        return bool(self._unwritten or self._refused)

    @property
    def full(self) -> bool:
        """Back pressure: a whole chunk is unwritten, so nothing more should be claimed."""
        return len(self._unwritten) >= _CHUNK

    def waits(self, now: float) -> float:
        """Seconds until the next write is due; infinite if nothing is unwritten."""
        writes = self._write_at - now if self._unwritten else math.inf
        retries = self._retry_at - now if self._refused else math.inf
        return max(0.0, min(writes, retries))

    def note(self, answer: CompletedAttempt) -> None:
        """Take an answer, to be written with its chunk."""
        if not self._unwritten:
            self._write_at = time.monotonic() + _CHUNK_SECONDS
        self._unwritten.append(answer)
        if len(self._unwritten) == _CHUNK:
            self._write_at = 0.0

    def work(self) -> list[OutboundBatch]:
        """Write if it is time. Returns outbound batches whose access was refused, one per OA and channel."""
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
        """Schedule retries: together for answers kept while the ledger is away, singly for those that it refused."""
        self._unwritten += written.kept
        self._again = bool(written.kept)
        if written.kept:
            self._write_at = time.monotonic() + _AWAY_SECONDS
        if written.refused and not self._refused:
            self._retry_at = time.monotonic() + _REFUSED_SECONDS
        self._refused += written.refused


@dataclass(slots=True)
class _Written:
    """The result of a try: answers `kept` for a retry soon, answers `refused` singly, and outbound without access."""

    kept: list[CompletedAttempt] = field(default_factory=list)
    refused: list[CompletedAttempt] = field(default_factory=list)
    no_access: list[OutboundBatch] = field(default_factory=list)


def _write(answers: Sequence[CompletedAttempt], written: _Written, *, again: bool) -> None:
    """Record answers together; if the ledger refuses one, record each alone, so that it does not block the others."""
    try:
        written.no_access += complete(answers, again=again)
    except _POISON:
        _write_each(answers, written)
    except Exception as away:  # noqa: BLE001 (on any error: a dropped acceptance becomes a doubt)
        log.error("answers=%d kept, the ledger does not take them why=%s", len(answers), why_away(away))  # noqa: TRY400 (the sentence suffices)
        written.kept += answers


def _write_each(answers: Sequence[CompletedAttempt], written: _Written) -> None:
    """Record answers one by one; retry a refused one without the message id, the only part that is not ours."""
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


def _without_id(answer: CompletedAttempt) -> CompletedAttempt:
    attempt = answer.attempt
    outcome = Sent("") if isinstance(attempt.outcome, Sent) else attempt.outcome
    return replace(answer, attempt=replace(attempt, outcome=outcome))
