"""Applies the volume guard: decides which new events are kept back, and raises the alarm when some are.

An event's age is judged by its own time, from the source's columns. Some events have none, such as wanted papers or a
stop. If the dossier was known before, such an event is as new as our finding it. If the dossier is new as well, the
event is as old as the newest time in the dossier.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from domain.event import Event, event_key
from domain.kinds.kind import ONCE
from domain.volume_guard import EVER, MANY, OLD, VolumeGuard, judge
from ledger.notices import guard_counts
from ledger.source import cursors, sources
from producers.dossiers.mapping import Mapping
from producers.dossiers.seen import FLOOD, Seen

StartFrom: TypeAlias = Literal["now", "beginning"] | datetime

_log = logging.getLogger("hcc.producers")


@dataclass(frozen=True, slots=True)
class Guarding:
    """The guard of one OA: its settings, the time since when everything is told, and the clock."""

    oa: str
    guard: VolumeGuard
    start_from: StartFrom
    clock: Callable[[], datetime]

    def take_turn(self, tx: Connection) -> None:
        """Take the lock for counting new events, one process at a time; call it first in a recording transaction."""
        guard_counts.take_turn(tx, self.oa)

    def keep_back(self, tx: Connection, new: Sequence[Event]) -> Table[str, str]:
        """Return by key why some of these new events are kept back; count the others. Logs one alarm per cause."""
        ordered = sorted(new, key=lambda event: (event.at, event.key))
        own_times = self._own_times(tx, ordered)
        verdict = judge(
            self.guard,
            [(event.key, own_times[event.key]) for event in ordered],
            now=self.clock(),
            so_far=guard_counts.counted(tx, self.oa),
            free_since=self._free_since(tx),
        )
        kept = {OLD: len(verdict.old), MANY: len(verdict.many)}
        alarming = guard_counts.count(tx, self.oa, {guard_counts.NEW: verdict.counted, **kept})
        for cause in sorted(alarming & kept.keys()):
            _log.error(
                "kept back by the volume guard, look at `hcc quarantine list` oa=%s cause=%s notices=%d",
                self.oa, cause, kept[cause],
            )  # fmt: skip
        return dict.fromkeys(verdict.old, self.guard.too_old) | dict.fromkeys(verdict.many, self.guard.too_many)

    def without_flood(self, tx: Connection, seen: Sequence[Seen], mapping: Mapping) -> Sequence[Seen]:
        """The events to record now. A flood of old events is left to the reconcile, which keeps them back bit by bit:
        recorded together with today's events, 100,000 old ones would delay those.
        """
        if not self.guard.old_days or mapping.reconcile is None or len(seen) <= FLOOD:
            return seen
        oldest = self.clock() - timedelta(days=self.guard.old_days)
        old = {one.event.key for one in seen if _found_by_reconcile(one.event, mapping) and _is_before(one, oldest)}
        if len(old) <= FLOOD or self._free_since(tx) is not None:
            return seen
        new = cursors.untold(tx, self.oa, old)  # a nightly job touches known events, too
        return seen if len(new) <= FLOOD else [one for one in seen if one.event.key not in new]

    def _free_since(self, tx: Connection) -> datetime | None:
        """The time since when events are not judged; None once the first start is over."""
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
    """Whether the reconcile finds this event too; it finds a fee by its row, if the mapping queries open payments."""
    return event.told and (event.kind not in ("fee_requested", "fee_paid") or mapping.has("open_payments"))


def _strangers(tx: Connection, oa: str, events: Collection[Event]) -> set[str]:
    """The keys of the events about which nothing was known before: neither the dossier nor the fee."""
    roots = {event.key: _roots(event) for event in events}
    unknown = cursors.unknown_at(
        tx, oa, [(root, event.at) for event in events for root in roots[event.key]]
    )  # fmt: skip
    return {event.key for event in events if all((root, event.at) in unknown for root in roots[event.key])}


def _roots(event: Event) -> list[str]:
    """The event keys of which at least one is known if the event's dossier or fee is known."""
    if event.kind == "fee_paid":
        return [event_key(event.code, "fee_requested", event.occurrence)]
    return [event_key(event.code, kind, ONCE) for kind in ("accepted", "submitted")]
