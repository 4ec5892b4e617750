"""Releases or ends the fees held for an unknown word of a payment, once the mapping knows the word.

The row of such a payment may never be read again: no feed returns an unchanged row, and the reconcile's query selects
the words that its author knew. So the mark of the word comes from the ledger, and its meaning from the mapping.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection

from domain.dossier import PaymentState
from domain.event import Retraction
from ledger.notices import unknown_words
from ledger.source import oddities
from producers.dossiers.context import PollContext
from producers.dossiers.faults import FEES
from producers.dossiers.record import retract
from producers.dossiers.shown import mark_of

_BY = "producer"
_PAUSE = 30.0  # seconds between two checks: only another process, with an older mapping, holds words known here


class Learning:
    """Releases notices held for payment words that the mapping knows."""

    def __init__(self, parts: PollContext) -> None:
        self._parts = parts
        self._meanings = {mark_of(said): state for said, state in parts.mapping.payments.states.items()}
        self._next = 0.0

    def run(self) -> int:
        """Release the notices; returns how many are now under no hold, 0 if the last check was recent."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + _PAUSE
        with self._parts.ledger.begin() as tx:
            return self._let_go(tx)

    def _let_go(self, tx: Connection) -> int:
        oa = self._parts.oa
        held = unknown_words.of_words(tx, oa, self._meanings)
        if not held:
            return 0
        ended = [
            Retraction(code, key, f"fee {self._meanings[mark]}")
            for key, (code, mark) in held.items()
            if self._meanings[mark] is not PaymentState.REQUESTED and key.split("/")[-2] in FEES
        ]
        retract(tx, oa, ended)
        oddities.learned(tx, oa, self._meanings)
        return len(unknown_words.learned(tx, oa, self._meanings, by=_BY))
