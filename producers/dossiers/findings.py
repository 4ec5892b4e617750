"""From rows to findings: events, withdrawals, oddities. A row that cannot be read is set aside, told, and left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from producers.dossiers.faults import RowError
from producers.dossiers.queries import TABLES
from producers.dossiers.rows import row_key
from producers.dossiers.shown import shape
from worker.domain.cells import as_text
from worker.domain.code import normalize_code
from worker.domain.dossier import Change
from worker.domain.event import Event, Oddity, Withdrawal, WordHold
from worker.domain.kinds import Finding, findings

_log = logging.getLogger("hcc.producers")

_LOSE_THE_ROW = frozenset({"status", "change_status", "ignored"})  # what the row was there to tell is not known
_TOLD_AT_MOST = 10_000  # rows that we remember having warned of


@dataclass(slots=True)
class Found:
    """What the rules made of a page."""

    events: dict[str, Event] = field(default_factory=dict)  # by key; the first row that tells an event dates it
    withdrawals: list[Withdrawal] = field(default_factory=list)
    changes: dict[int, Change | None] = field(default_factory=dict)  # by place in the page, of the rows that were read
    oddities: list[Oddity] = field(default_factory=list)
    holds: list[WordHold] = field(default_factory=list)
    read: set[tuple[str, str]] = field(default_factory=set)  # dossiers, and rows of theirs, that were read
    ignored: set[str] = field(default_factory=set)  # codes, as the ledger spells them, of whom nobody is told
    standing: list[Change] = field(default_factory=list)  # of rows that no rule was asked about
    odd: int = 0
    set_aside: int = 0


class Sieve:
    """Runs the rules over rows. Warns of a row once a process: some are read again and again."""

    def __init__(self) -> None:
        self._told: set[tuple[str, object, str]] = set()

    def sift(
        self, feed: str, rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Change | None]
    ) -> Found:
        """All findings of a page. Nothing about one row keeps the others from being read."""
        found, table = Found(), TABLES.get(feed, "")
        for place, row in enumerate(rows):
            name = row.get("id", f"#{place}")
            mark = row.get("id", row.get("code"))
            try:
                change = read(row)
                told = list(findings(change)) if change else []
            except Exception as error:  # noqa: BLE001 (a poison row may fail in any way, and must not stop the feed)
                found.set_aside += 1
                found.oddities.append(_set_aside(row, table, error))
                self._warn(feed, name, mark, "row set aside", _reason(error))
                continue
            found.changes[place] = change
            spelling = change.dossier.code if change else ledger_code(row)
            if spelling:
                found.read |= {(spelling, ""), (spelling, f"{table}/{row_key(row)}" if table else "")}
            if spelling and change is None:
                found.ignored.add(spelling)
            for finding in told:
                self._sort(feed, name, mark, finding, found)
        return found

    def look(
        self, rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Change | None], found: Found
    ) -> None:
        """Read rows that did not change, for notices that follow them; what cannot be read says nothing."""
        for row in rows:
            try:
                change = read(row)
            except Exception:  # noqa: BLE001, S112 (as above; it was warned of when it was new)
                continue
            if change is not None:
                found.standing.append(change)
            elif code := ledger_code(row):
                found.ignored.add(code)

    def _sort(self, feed: str, name: object, mark: object, finding: Finding, found: Found) -> None:
        match finding:
            case Event():
                found.events.setdefault(finding.key, finding)
            case Withdrawal():
                found.withdrawals.append(finding)
            case WordHold():
                found.holds.append(finding)
            case Oddity():
                found.oddities.append(finding)
                lost = finding.field in _LOSE_THE_ROW
                found.set_aside += lost
                found.odd += not lost
                what = "row set aside" if lost else "odd row"
                self._warn(feed, name, mark, what, f"{finding.field} {finding.why.partition(': ')[0]}")

    def _warn(self, feed: str, name: object, mark: object, what: str, why: str) -> None:
        """`name` is told; `mark` tells rows without an id apart, and may be a code, which no log line shows."""
        if (feed, mark, why) in self._told:
            return
        if len(self._told) >= _TOLD_AT_MOST:
            self._told.clear()
        self._told.add((feed, mark, why))
        _log.warning("%s feed=%s row=%s why=%s", what, feed, name, why)


def _set_aside(row: Mapping[str, Any], table: str, error: Exception) -> Oddity:
    """What the ledger keeps of a row that could not be read at all; of a code that is none, its shape."""
    column = error.column if isinstance(error, RowError) else "?"
    why = error.why if isinstance(error, RowError) else f"cannot be read ({type(error).__name__})"
    try:
        part = f"{table}/{row_key(row)}" if table else ""
    except (ValueError, KeyError):
        part = table
    return Oddity(ledger_code(row) or f"‹{shape(row.get('code'))}›", column, why, part)


def ledger_code(row: Mapping[str, Any]) -> str | None:
    """The dossier's code as the ledger spells it; None where it cannot be used."""
    try:
        return normalize_code(as_text(row["code"]) or "")
    except (ValueError, KeyError):
        return None


def _reason(error: Exception) -> str:
    """Our own sentence, which holds no data; of any other exception the type alone, since its text may."""
    return str(error) if isinstance(error, RowError) else type(error).__name__
