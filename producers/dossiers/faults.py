"""Collects the faults of one row, column by column, and the notices that each fault holds back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.dossier import Payment
from domain.event import EVERY, Oddity, WordHold, event_key
from domain.kinds import DEPENDENT, OF_RESULTS
from producers.dossiers.shown import mark_of, showable

DOSSIER_HOLDS = {"status": DEPENDENT, "ignored": DEPENDENT, "result_kind": OF_RESULTS, "result_state": OF_RESULTS}
"""The kinds of a dossier that depend on each of its columns."""
PAYMENT_HOLDS = frozenset({"payment_state", "amount"})
"""The columns of a payment on which its own fee depends."""
OF_ROWS = frozenset({"at", "change_status", "taken_back", "amount", "payment_state", "requested_at", "changed_at"})
"""The columns that belong to a row of the history or of the payments; all others belong to the dossier."""
FEES = ("fee_requested", "fee_reminder")
"""The kinds that ask for a payment."""


class RowError(ValueError):
    """A row cannot be read; names the column and the reason."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"{column} {why}")
        self.column = column
        self.why = why


@dataclass(frozen=True, slots=True)
class _Fault:
    why: str
    mark: str | None


class ColumnFaults:
    """Collects the faults of one row; `row` identifies it within its dossier, '' means the dossier itself."""

    __slots__ = ("_found", "_row")

    def __init__(self, row: str) -> None:
        self._row = row
        self._found: dict[str, _Fault] = {}

    def add(self, column: str, why: str, **said: Any) -> None:
        """Add a fault; `word` is the content of a column of words, shown only if it cannot be about a person."""
        if "word" not in said:
            self._found[column] = _Fault(why, None)
            return
        shown = f": {showable(said['word'])}" if said["word"] != "" else ""
        self._found[column] = _Fault(f"{why}{shown}", mark_of(said["word"]))

    def of(self, column: str) -> bool:
        """Whether this column has a fault."""
        return column in self._found

    def oddities(self, code: str) -> tuple[Oddity, ...]:
        """The faults in the form stored in the ledger."""
        return tuple(
            Oddity(code, column, fault.why, self._row if column in OF_ROWS else "", fault.mark)
            for column, fault in self._found.items()
        )

    def holds(self, code: str, fee: Payment | None) -> tuple[WordHold, ...]:
        """The holds that follow from the faults."""
        held: list[WordHold] = []
        for column, fault in self._found.items():
            why, mark = f"{column} {fault.why}", fault.mark or ""
            if column in DOSSIER_HOLDS:
                held.append(WordHold(code, f"{code}/{EVERY}", column, mark, why, DOSSIER_HOLDS[column]))
            elif column in PAYMENT_HOLDS and fee is not None:
                held += [WordHold(code, event_key(code, kind, fee.id), column, mark, why) for kind in FEES]
        return tuple(held)
