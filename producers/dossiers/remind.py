"""Records reminders: the ledger knows who was told and when, the source whether it is still true.

Only the subjects of notices told some days ago are read, by key, so a reminder costs the source a few look-ups. The
window is two days wide: an outage of a day loses no reminder, and switching a reminder on does not reach far back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.dossier import Change
from domain.event import Event
from domain.kinds import REMINDERS, Kind
from domain.kinds.fees import BY_STATUS
from domain.kinds.reminder_hours import asleep
from ledger.source import reminders
from ledger.source.reminders import ReminderWindow, ToldNotice
from producers.dossiers.context import PollContext
from producers.dossiers.faults import RowError
from producers.dossiers.record import record
from producers.dossiers.rows import RowReader
from producers.dossiers.seen import Seen

_PAGE = 500  # notices, and keys in one query of the source
_WIDE = timedelta(days=2)
_BEHIND_ALL = 2**62  # an id that no row has, so the payments query returns only the wanted rows

_log = logging.getLogger("hcc.producers")


class Reminding:
    """Records the reminders that are due now, for one OA."""

    def __init__(self, parts: PollContext, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._tell_bell = tell_bell
        self._door = RowReader(parts.mapping)

    def run(self) -> int:
        """Record the reminders due; returns how many are new. Raises `SourceError`."""
        now = self._parts.clock()
        wanted = self._parts.mapping.kinds.anywhere() - asleep(now)
        recorded = sum(self._remind(kind, now) for name, kind in REMINDERS.items() if name in wanted)
        self._tell_bell(recorded)
        return recorded

    def _remind(self, kind: Kind, now: datetime) -> int:
        recorded = 0
        for told in self._pages(kind, now):
            still = [replace(change, at=now) for change in self._as_they_stand(kind, told, now)]
            due = {(one.code, one.occurrence) for one in told}
            events = [event for change in still for event in _events(kind, change)]
            seen = [Seen(event, now) for event in events if (event.code, event.occurrence) in due]
            with self._parts.ledger.begin() as tx:
                self._parts.guarding.take_turn(tx)
                recorded += record(tx, self._parts.oa, self._parts.people, seen, self._parts.guarding)
        if recorded:
            _log.info("reminders kind=%s recorded=%d", kind.name, recorded)
        return recorded

    def _pages(self, kind: Kind, now: datetime) -> Iterator[Sequence[ToldNotice]]:
        after, window = 0, self._window(kind, now)
        while True:
            with self._parts.ledger.begin() as tx:
                told = reminders.told(tx, self._parts.oa, window, kind.name, after=after, limit=_PAGE)
            if told:
                yield told
            if len(told) < _PAGE:
                return
            after = told[-1].id

    def _window(self, kind: Kind, now: datetime) -> ReminderWindow:
        rule, parent = self._parts.mapping.reminders, kind.follows or kind.name
        if kind.name == "supplement_reminder":
            return ReminderWindow(parent, now, now + timedelta(days=rule.supplement_days), by_deadline=True)
        until = now - timedelta(days=rule.fee_days if kind.name == "fee_reminder" else rule.collect_days)
        return ReminderWindow(parent, until - _WIDE, until)

    def _as_they_stand(self, kind: Kind, told: Sequence[ToldNotice], now: datetime) -> Iterator[Change]:
        """The current state in the source of what these notices told; an unreadable row is no reason to remind."""
        source = self._parts.source
        payments = [int(one.occurrence) for one in told if _by_row(kind, one)]
        if payments:
            asked = {"after": _BEHIND_ALL, "missing": payments, "limit": 1}
            yield from _read(source.page("payments", asked), self._door.payment)
        codes = sorted({one.code for one in told if not _by_row(kind, one)})
        if codes:
            rows = source.page("by_code", {"codes": codes})
            yield from _read(rows, lambda row: self._door.standing(row, now))


def _by_row(kind: Kind, told: ToldNotice) -> bool:
    """Whether its state is in a row of its own, rather than in the dossier."""
    return kind.follows == "fee_requested" and not told.occurrence.startswith(BY_STATUS)


def _events(kind: Kind, change: Change) -> list[Event]:
    """The events of the reminder's rule, if the kind is told for the dossier's unit."""
    if kind.rule is None or change.told is None or kind.name not in change.told:
        return []
    return [found for found in kind.rule(change) if isinstance(found, Event)]


def _read(rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Change | None]) -> Iterator[Change]:
    for row in rows:
        try:
            change = read(row)
        except RowError:
            continue
        if change is not None:
            yield change
