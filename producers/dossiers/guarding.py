"""The volume guard at work: which of the events that are new to us are kept back, and the alarm when some are.

An event counts as old by its own time as the source's columns give it. Some have none: papers that are wanted, a stop.
Of a dossier that we knew before they are as new as we find them; of one that comes with them they are as old as the
newest time that it brings along.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from producers.dossiers.mapping import Mapping
from producers.dossiers.seen import FLOOD, Seen
from worker.domain.event import Event, event_key
from worker.domain.guard import EVER, MANY, OLD, Guard, judge
from worker.domain.kinds.kind import ONCE
from worker.ledger import cursors, guard, sources

StartFrom: TypeAlias = Literal["now", "beginning"] | datetime

_log = logging.getLogger("hcc.producers")


@dataclass(frozen=True, slots=True)
class Guarding:
    """The guard of one OA: its settings, since when everything is told, this moment."""

    oa: str
    guard: Guard
    start_from: StartFrom
    clock: Callable[[], datetime]

    def take_turn(self, tx: Connection) -> None:
        """To be called first in each transaction that records: what is new is counted by one at a time."""
        guard.take_turn(tx, self.oa)

    def keep_back(self, tx: Connection, new: Sequence[Event]) -> Table[str, str]:
        """By key why some of these new events are kept back; the others are counted. Alarms once a cause."""
        ordered = sorted(new, key=lambda event: (event.at, event.key))
        own_times = self._own_times(tx, ordered)
        verdict = judge(
            self.guard,
            [(event.key, own_times[event.key]) for event in ordered],
            now=self.clock(),
            so_far=guard.counted(tx, self.oa),
            free_since=self._free_since(tx),
        )
        kept = {OLD: len(verdict.old), MANY: len(verdict.many)}
        alarming = guard.count(tx, self.oa, {guard.NEW: verdict.counted, **kept})
        for cause in sorted(alarming & kept.keys()):
            _log.error(
                "kept back by the volume guard, look at `hcc quarantine list` oa=%s cause=%s notices=%d",
                self.oa, cause, kept[cause],
            )  # fmt: skip
        return dict.fromkeys(verdict.old, self.guard.too_old) | dict.fromkeys(verdict.many, self.guard.too_many)

    def without_flood(self, tx: Connection, seen: Sequence[Seen], mapping: Mapping) -> Sequence[Seen]:
        """What is to be recorded now. A flood of old events is left to the reconcile, which keeps it back bit by bit:
        recorded in one go with what happened today, 100,000 of them would hold that up.
        """
        if not self.guard.old_days or mapping.reconcile is None or len(seen) <= FLOOD:
            return seen
        oldest = self.clock() - timedelta(days=self.guard.old_days)
        old = {one.event.key for one in seen if _found_by_reconcile(one.event, mapping) and _is_before(one, oldest)}
        if len(old) <= FLOOD or self._free_since(tx) is not None:
            return seen
        new = cursors.untold(tx, self.oa, old)  # a nightly job touches what we know, too
        return seen if len(new) <= FLOOD else [one for one in seen if one.event.key not in new]

    def _free_since(self, tx: Connection) -> datetime | None:
        """Since when what happened is not judged; None once the first start is over."""
        started_at = sources.read(tx, self.oa).free_since
        if started_at is None or self.start_from == "now":
            return started_at
        return EVER if self.start_from == "beginning" else self.start_from

    def _own_times(self, tx: Connection, events: Sequence[Event]) -> dict[str, datetime]:
        times = {event.key: event.own_at or event.at for event in events}
        timeless = [event for event in events if event.own_at is None and event.begun_at is not None]
        if timeless and self.guard.old_days:
            strangers = _strangers(tx, self.oa, timeless)
            times |= {event.key: event.begun_at for event in timeless if event.key in strangers and event.begun_at}
        return times


def _is_before(seen: Seen, oldest: datetime) -> bool:
    return seen.event.own_at is not None and seen.event.own_at < oldest


def _found_by_reconcile(event: Event, mapping: Mapping) -> bool:
    """A fee is found there by its row, where the mapping asks for the open ones."""
    return event.told and (event.kind not in ("fee_requested", "fee_paid") or mapping.has("open_payments"))


def _strangers(tx: Connection, oa: str, events: Collection[Event]) -> set[str]:
    """The keys of the events of which we knew nothing before they came: neither the dossier nor the fee."""
    roots = {event.key: _roots(event) for event in events}
    unknown = cursors.unknown_at(
        tx, oa, [(root, event.at) for event in events for root in roots[event.key]]
    )  # fmt: skip
    return {event.key for event in events if all((root, event.at) in unknown for root in roots[event.key])}


def _roots(event: Event) -> list[str]:
    """The keys of which one is known where what this event belongs to is known."""
    if event.kind == "fee_paid":
        return [event_key(event.code, "fee_requested", event.occurrence)]
    return [event_key(event.code, kind, ONCE) for kind in ("accepted", "submitted")]
