"""From rows to findings: events, withdrawals, oddities. A row that cannot be read is set aside, told, and left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from producers.dossiers.rows import RowError
from worker.domain.code import normalize_code
from worker.domain.dossier import Change
from worker.domain.event import Event, Oddity, Withdrawal
from worker.domain.kinds import Finding, findings

_log = logging.getLogger("hcc.producers")

_TOLD_AT_MOST = 10_000  # rows that we remember having warned of


@dataclass(slots=True)
class Found:
    """What the rules made of a page."""

    events: dict[str, Event] = field(default_factory=dict)  # by key; the first row that tells an event dates it
    withdrawals: list[Withdrawal] = field(default_factory=list)
    changes: dict[int, Change | None] = field(default_factory=dict)  # by place in the page, of the rows that were read
    ignored: set[str] = field(
        default_factory=set
    )  # codes of dossiers that nobody is told about, as the ledger has them
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
        found = Found()
        for place, row in enumerate(rows):
            name = row.get("id", f"#{place}")
            mark = row.get("id", row.get("code"))
            try:
                change = read(row)
                told = list(findings(change)) if change else []
            except Exception as error:  # noqa: BLE001 (a poison row may fail in any way, and must not stop the feed)
                found.set_aside += 1
                self._warn(feed, name, mark, "row set aside", _reason(error))
                continue
            found.changes[place] = change
            if change is None and (code := ledger_code(row)):
                found.ignored.add(code)
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
            case Oddity():
                found.odd += 1
                self._warn(feed, name, mark, "odd row", finding.why)

    def _warn(self, feed: str, name: object, mark: object, what: str, why: str) -> None:
        """`name` is told; `mark` tells rows without an id apart, and may be a code, which no log line shows."""
        if (feed, mark, why) in self._told:
            return
        if len(self._told) >= _TOLD_AT_MOST:
            self._told.clear()
        self._told.add((feed, mark, why))
        _log.warning("%s feed=%s row=%s why=%s", what, feed, name, why)


def ledger_code(row: Mapping[str, Any]) -> str | None:
    """The code of a row as the ledger spells it; None where it has none, or one that cannot be a code."""
    try:
        return normalize_code(str(row["code"])) if row["code"] is not None else None
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    """Our own sentence, which holds no data; of any other exception the type alone, since its text may."""
    return str(error) if isinstance(error, RowError) else type(error).__name__
