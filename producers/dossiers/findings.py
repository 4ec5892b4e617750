"""Turns rows into findings: events, retractions, oddities. An unreadable row is set aside, reported and skipped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.cells import as_text
from domain.code import normalize_code
from domain.dossier import Change
from domain.event import Event, Oddity, Retraction, WordHold
from domain.kinds import Finding, findings
from producers.dossiers.faults import RowError
from producers.dossiers.queries import TABLES
from producers.dossiers.row_keys import row_key
from producers.dossiers.shown import shape

_log = logging.getLogger("hcc.producers")

_LOSE_THE_ROW = frozenset({"status", "change_status", "ignored"})  # without them, the row's message is unknown
_TOLD_AT_MOST = 10_000  # remembered warnings


@dataclass(slots=True)
class PageFindings:
    """What the rules found in a page."""

    events: dict[str, Event] = field(default_factory=dict)  # by key; the first row with an event gives its time
    retractions: list[Retraction] = field(default_factory=list)
    changes: dict[int, Change | None] = field(default_factory=dict)  # by place in the page, for readable rows
    oddities: list[Oddity] = field(default_factory=list)
    holds: list[WordHold] = field(default_factory=list)
    read: set[tuple[str, str]] = field(default_factory=set)  # dossiers, and their rows, that were read
    ignored: set[str] = field(default_factory=set)  # codes, in the ledger's spelling, that nobody is told about
    standing: list[Change] = field(default_factory=list)  # of rows to which no rule was applied
    odd: int = 0
    set_aside: int = 0


class RuleRunner:
    """Runs the rules over rows. Warns of a row once per process, since some are read again and again."""

    def __init__(self) -> None:
        self._told: set[tuple[str, object, str]] = set()

    def sift(
        self, feed: str, rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Change | None]
    ) -> PageFindings:
        """All findings of a page. A fault in one row does not stop the others from being read."""
        found, table = PageFindings(), TABLES.get(feed, "")
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
        self, rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Change | None], found: PageFindings
    ) -> None:
        """Read unchanged rows, for the notices that follow them; an unreadable row is skipped."""
        for row in rows:
            try:
                change = read(row)
            except Exception:  # noqa: BLE001, S112 (as above; the warning was logged when it was new)
                continue
            if change is not None:
                found.standing.append(change)
            elif code := ledger_code(row):
                found.ignored.add(code)

    def _sort(self, feed: str, name: object, mark: object, finding: Finding, found: PageFindings) -> None:
        match finding:
            case Event():
                found.events.setdefault(finding.key, finding)
            case Retraction():
                found.retractions.append(finding)
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
        """Log a warning with `name`. `mark` identifies rows without an id; it may be a code, which is never logged."""
        if (feed, mark, why) in self._told:
            return
        if len(self._told) >= _TOLD_AT_MOST:
            self._told.clear()
        self._told.add((feed, mark, why))
        _log.warning("%s feed=%s row=%s why=%s", what, feed, name, why)


def _set_aside(row: Mapping[str, Any], table: str, error: Exception) -> Oddity:
    """The ledger's record of a row that could not be read at all; of an invalid code it has the shape."""
    column = error.column if isinstance(error, RowError) else "?"
    why = error.why if isinstance(error, RowError) else f"cannot be read ({type(error).__name__})"
    try:
        part = f"{table}/{row_key(row)}" if table else ""
    except (ValueError, KeyError):
        part = table
    return Oddity(ledger_code(row) or f"‹{shape(row.get('code'))}›", column, why, part)


def ledger_code(row: Mapping[str, Any]) -> str | None:
    """The dossier's code in the ledger's spelling; None if it is not valid."""
    try:
        return normalize_code(as_text(row["code"]) or "")
    except (ValueError, KeyError):
        return None


def _reason(error: Exception) -> str:
    """Our own text, which contains no data; for any other exception only the type, since its text may contain some."""
    return str(error) if isinstance(error, RowError) else type(error).__name__
