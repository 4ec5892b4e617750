"""The first start: what is already there is remembered, and nobody is told (R14).

1. Note the newest point of every feed, before anything else is read: what comes later is news.
2. Run the same rules over every dossier and every payment as they stand, page by page, and remember the keys.
   With an ISO time in HCC_START_FROM, what the rules date at it or later is told instead.
3. Write the cursors of the feeds; only now is the first start over.

The pass keeps its place in a cursor of its own, so it may take many rounds, and a crash costs one page. What
happens to a dossier while the pass is under way counts as already there if the pass comes by it afterwards.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from producers.dossiers.another_code import renamed
from producers.dossiers.feeds import Feed, Row
from producers.dossiers.findings import Found
from producers.dossiers.guarding import StartFrom
from producers.dossiers.parts import Outrun, Parts, Round
from producers.dossiers.queries import BEFORE_ALL_CODES, first_key
from producers.dossiers.record import record, set_aside
from producers.dossiers.rows import Door, row_id
from producers.dossiers.seen import Seen
from producers.dossiers.sightings import Look, sighted
from worker.ledger import cursors, sightings, sources
from worker.ledger.cursors import Cursor
from worker.ledger.sightings import Sighting

PROGRESS = "baseline"  # the name of the cursor in which the pass keeps its place

_log = logging.getLogger("hcc.producers")


@dataclass(frozen=True, slots=True)
class _Asked:
    stage: str
    rows: Sequence[Row]
    next: dict[str, Any] | None  # where the pass goes on; None at its end


@dataclass(frozen=True, slots=True)
class _Page:
    found: Found
    sightings: Sequence[Sighting]
    next: dict[str, Any] | None


class Start:
    """Brings feeds without a cursor to their first one."""

    def __init__(self, parts: Parts, start_from: StartFrom, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._start_from = start_from
        self._since: datetime | None = None
        self._tell_bell = tell_bell
        self._door = Door(parts.mapping)

    def run(self, lacking: Sequence[Feed], tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        """Go on with the first start until it is over or the time is up. Raises `Outrun`, `SourceError`."""
        if self._tells_everything():
            self._begin_at_once(lacking)
            return
        self._since = self._tells_since()
        held = self._progress() or self._note_newest(lacking)
        with _no_collection():
            ended = self._pass(held, tally, time_is_up)
        if ended:
            _log.info("baseline is complete oa=%s", self._parts.oa)
        else:
            tally.more = True

    def _pass(self, held: Cursor, tally: Round, time_is_up: Callable[[], bool]) -> bool:
        """Page after page: the source reads the next one and the ledger writes the last one while we think.

        Whether the pass came to its end.
        """
        with ThreadPoolExecutor(2, "hcc-baseline") as beside:
            coming = beside.submit(self._ask, held.position)
            keeping = None
            while True:
                asked = coming.result()
                if asked.next is not None:
                    coming = beside.submit(self._ask, asked.next)
                page = self._sift(asked)
                moved = keeping.result() if keeping else held
                if moved is None:
                    raise Outrun
                keeping = beside.submit(self._keep, moved, page, tally)
                tally.count(page.found, len(asked.rows))
                if asked.next is None or time_is_up():
                    return keeping.result() is None

    def _begin_at_once(self, lacking: Sequence[Feed]) -> None:
        """Everything that the source holds is told."""
        newest, now = self._parts.source.newest(), self._parts.clock()
        with self._parts.ledger.begin() as tx:
            self._note_first_start(tx, lacking, now)
            for feed in lacking:
                self._begin(tx, feed.name, feed.first(newest[feed.name], now), now)

    def _progress(self) -> Cursor | None:
        with self._parts.ledger.begin() as tx:
            return cursors.read(tx, self._parts.oa).get(PROGRESS)

    def _note_newest(self, lacking: Sequence[Feed]) -> Cursor:
        now = self._parts.clock()
        newest = self._parts.source.newest()
        feeds = {feed.name: feed.begin(newest[feed.name], now) for feed in lacking}
        _log.info("first start: what is there is remembered, nobody is told oa=%s", self._parts.oa)
        with self._parts.ledger.begin() as tx:
            self._note_first_start(tx, lacking, now)
            return self._begin(tx, PROGRESS, {"feeds": feeds, "stage": "dossiers", "after": BEFORE_ALL_CODES}, now)

    def _ask(self, place: Row) -> _Asked:
        """A page of the pass; no transaction of the ledger is open meanwhile."""
        after, limits = place["after"], self._parts.mapping.limits
        if place["stage"] == "old_payments":
            rows = self._parts.source.page("old_payments", {"after": after, "limit": limits.baseline_page})
            following = {**place, "after": str(rows[-1]["id"])} if len(rows) >= limits.baseline_page else None
            return _Asked("old_payments", rows, following)
        if place["stage"] == "payments":
            rows = self._parts.source.page("payments", {"after": after, "missing": [], "limit": limits.baseline_page})
            following = {**place, "after": max(map(row_id, rows))} if len(rows) >= limits.baseline_page else None
            return _Asked("payments", rows, following)
        rows = self._parts.source.page("dossiers", {"after": after, "limit": limits.baseline_page})
        if len(rows) >= limits.baseline_page:
            return _Asked("dossiers", rows, {**place, "after": rows[-1]["code"]})
        stage = next((name for name in ("payments", "old_payments") if self._parts.mapping.has(name)), None)
        payments = {**place, "stage": stage, "after": first_key(self._parts.mapping.keys.payments)}
        return _Asked("dossiers", rows, payments if stage else None)

    def _sift(self, asked: _Asked) -> _Page:
        now, sieve = self._parts.clock(), self._parts.sieve
        if asked.stage in ("payments", "old_payments"):
            return _Page(sieve.sift(asked.stage, asked.rows, self._door.payment), [], asked.next)
        found = sieve.sift(asked.stage, asked.rows, lambda row: self._door.standing(row, now))
        open_ = [one for one in sighted(Look.COMPARE, asked.rows, found.changes) if one.digest is not None]
        return _Page(found, open_, asked.next)

    def _keep(self, held: Cursor, page: _Page, tally: Round) -> Cursor | None:
        """Remember or tell what a page held, and move on, in one transaction; None when the pass is over."""
        parts, now, since = self._parts, self._parts.clock(), self._since
        known = {key: event for key, event in page.found.events.items() if event.held is None}
        told = {key: Seen(event, now) for key, event in known.items() if since and event.at >= since}
        past = [key for key in known if key not in told]
        with parts.ledger.begin() as tx:
            if told:
                parts.guarding.take_turn(tx)
            moved = self._move_on(tx, held, page.next, now)
            remembered = cursors.remember(tx, parts.oa, past)
            sightings.keep(tx, parts.oa, page.sightings)
            renamed(tx, parts.oa, page.found.changes.values())
            recorded = record(tx, parts.oa, parts.people, told.values(), parts.guarding)
            set_aside(tx, parts.oa, [page.found], asked_at=held.read_at)
        tally.baseline += remembered
        tally.recorded += recorded
        self._tell_bell(recorded)
        return moved

    def _move_on(self, tx: Connection, held: Cursor, following: Row | None, now: datetime) -> Cursor | None:
        if following is not None:
            moved = cursors.advance(tx, self._parts.oa, PROGRESS, held, to=following, polled_at=now)
            if moved is None:
                raise Outrun
            return moved
        if not cursors.end(tx, self._parts.oa, PROGRESS, held):
            raise Outrun
        for feed, position in held.position["feeds"].items():
            self._begin(tx, feed, position, now)
        return None

    def _begin(self, tx: Connection, feed: str, position: Row, now: datetime) -> Cursor:
        begun = cursors.begin(tx, self._parts.oa, feed, position, now)
        if begun is None:
            raise Outrun
        return begun

    def _note_first_start(self, tx: Connection, lacking: Sequence[Feed], now: datetime) -> None:
        """Not where a feed is new and others are followed already."""
        if len(lacking) == len(self._parts.feeds):
            sources.begin(tx, self._parts.oa, now)

    def _is_adopted(self) -> bool:
        with self._parts.ledger.connect() as connection:
            return sources.read(connection, self._parts.oa).as_baseline

    def _tells_everything(self) -> bool:
        return self._start_from == "beginning" and not self._is_adopted()

    def _tells_since(self) -> datetime | None:
        """What happened at it or later is told, although it was there before the first start; None: nothing is."""
        return self._start_from if isinstance(self._start_from, datetime) and not self._is_adopted() else None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of rows make no cycles, and looking for some in each page is a seventh of the work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
