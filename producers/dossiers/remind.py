"""Reminders: the ledger knows who was told and when, the source whether it is still so.

Nothing is read but what was told some days ago, by key, so a reminder costs the source a few look-ups. The window
is two days wide: an outage of a day loses none, and switching a reminder on reaches not far back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from producers.dossiers.faults import RowError
from producers.dossiers.parts import Parts
from producers.dossiers.record import record
from producers.dossiers.rows import Door
from producers.dossiers.seen import Seen
from worker.domain.dossier import Change
from worker.domain.event import Event
from worker.domain.kinds import REMINDERS, Kind
from worker.domain.kinds.fees import BY_STATUS
from worker.domain.kinds.hours import asleep
from worker.ledger import reminders
from worker.ledger.reminders import Told, Window

_PAGE = 500  # notices, and keys in one question to the source
_WIDE = timedelta(days=2)
_BEHIND_ALL = 2**62  # an id that no row has: of the payments feed only the wanted rows are asked for

_log = logging.getLogger("hcc.producers")


class Reminding:
    """Records the reminders that are due now, for one OA."""

    def __init__(self, parts: Parts, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._tell_bell = tell_bell
        self._door = Door(parts.mapping)

    def run(self) -> int:
        """How many reminders are new. Raises `SourceError`."""
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

    def _pages(self, kind: Kind, now: datetime) -> Iterator[Sequence[Told]]:
        after, window = 0, self._window(kind, now)
        while True:
            with self._parts.ledger.begin() as tx:
                told = reminders.told(tx, self._parts.oa, window, kind.name, after=after, limit=_PAGE)
            if told:
                yield told
            if len(told) < _PAGE:
                return
            after = told[-1].id

    def _window(self, kind: Kind, now: datetime) -> Window:
        rule, parent = self._parts.mapping.reminders, kind.follows or kind.name
        if kind.name == "supplement_reminder":
            return Window(parent, now, now + timedelta(days=rule.supplement_days), by_deadline=True)
        until = now - timedelta(days=rule.fee_days if kind.name == "fee_reminder" else rule.collect_days)
        return Window(parent, until - _WIDE, until)

    def _as_they_stand(self, kind: Kind, told: Sequence[Told], now: datetime) -> Iterator[Change]:
        """What these notices told of, as the source has it now; what cannot be read is no reason to remind anybody."""
        source = self._parts.source
        payments = [int(one.occurrence) for one in told if _by_row(kind, one)]
        if payments:
            asked = {"after": _BEHIND_ALL, "missing": payments, "limit": 1}
            yield from _read(source.page("payments", asked), self._door.payment)
        codes = sorted({one.code for one in told if not _by_row(kind, one)})
        if codes:
            rows = source.page("by_code", {"codes": codes})
            yield from _read(rows, lambda row: self._door.standing(row, now))


def _by_row(kind: Kind, told: Told) -> bool:
    """Whether a row of its own says how it stands, rather than the dossier."""
    return kind.follows == "fee_requested" and not told.occurrence.startswith(BY_STATUS)


def _events(kind: Kind, change: Change) -> list[Event]:
    """What the reminder's rule says, if the dossier's unit tells it."""
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
