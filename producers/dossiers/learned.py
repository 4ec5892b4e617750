"""What the mapping has learned: fees that are held for a word of a payment go, or end, when the word is known.

The row of such a payment need not be read again: no feed returns what does not change, and the reconcile's query asks
for the words that its author knew. So the ledger is asked for the mark of the word, and the mapping for what it means.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection

from producers.dossiers.faults import FEES
from producers.dossiers.parts import Parts
from producers.dossiers.record import withdraw
from producers.dossiers.shown import mark_of
from worker.domain.dossier import PaymentState
from worker.domain.event import Withdrawal
from worker.ledger import holds, oddities

_BY = "producer"
_PAUSE = 30.0  # seconds between two looks: only another process, with an older mapping, holds what is known here


class Learning:
    """Lets go what is held for words of payments that the mapping knows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._meanings = {mark_of(said): state for said, state in parts.mapping.payments.states.items()}
        self._next = 0.0

    def run(self) -> int:
        """How many notices nothing holds any more; 0 where it was looked lately."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + _PAUSE
        with self._parts.ledger.begin() as tx:
            return self._let_go(tx)

    def _let_go(self, tx: Connection) -> int:
        oa = self._parts.oa
        held = holds.of_words(tx, oa, self._meanings)
        if not held:
            return 0
        ended = [
            Withdrawal(code, key, f"fee {self._meanings[mark]}")
            for key, (code, mark) in held.items()
            if self._meanings[mark] is not PaymentState.REQUESTED and key.split("/")[-2] in FEES
        ]
        withdraw(tx, oa, ended)
        oddities.learned(tx, oa, self._meanings)
        return len(holds.learned(tx, oa, self._meanings, by=_BY))
