"""The first start: remembers existing events as baseline, so that nobody is told of them (R14).

1. Note the newest point of every feed before anything else is read: later rows are new.
2. Run the same rules over every dossier and payment in its current state, page by page, and remember the event keys.
   If HCC_START_FROM is an ISO time, events that the rules date at that time or later are told instead.
3. Write the cursors of the feeds; only then is the first start over.

The pass keeps its position in its own cursor, so it may span many rounds, and a crash costs one page. A change to a
dossier during the pass counts as existing if the pass reads the dossier after the change.
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

from ledger.source import cursors, fingerprints, sources
from ledger.source.cursors import Cursor
from ledger.source.fingerprints import Fingerprint
from producers.dossiers.another_code import renamed
from producers.dossiers.context import Outrun, PollContext, Round
from producers.dossiers.feeds import Feed, SourceRow
from producers.dossiers.findings import PageFindings
from producers.dossiers.fingerprints import Tracking, fingerprints_of
from producers.dossiers.guarding import StartFrom
from producers.dossiers.queries import BEFORE_ALL_CODES, first_key
from producers.dossiers.record import record, set_aside
from producers.dossiers.row_keys import row_id
from producers.dossiers.rows import RowReader
from producers.dossiers.seen import Seen

PROGRESS = "baseline"  # the name of the cursor that holds the position of the pass

_log = logging.getLogger("hcc.producers")


@dataclass(frozen=True, slots=True)
class _Asked:
    stage: str
    rows: Sequence[SourceRow]
    next: dict[str, Any] | None  # the position of the next page; None at the end


@dataclass(frozen=True, slots=True)
class _Page:
    found: PageFindings
    fingerprints: Sequence[Fingerprint]
    next: dict[str, Any] | None


class Start:
    """Creates the first cursor of feeds that have none."""

    def __init__(self, parts: PollContext, start_from: StartFrom, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._start_from = start_from
        self._since: datetime | None = None
        self._tell_bell = tell_bell
        self._door = RowReader(parts.mapping)

    def run(self, lacking: Sequence[Feed], tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        """Continue the first start until it is over or the time is up. Raises `Outrun`, `SourceError`."""
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
        """Process page after page in a pipeline; returns whether the pass reached its end.

        While one page is sifted, the source reads the next and the ledger writes the previous one.
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
        """Create the cursors without a baseline, so that everything in the source is told."""
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

    def _ask(self, place: SourceRow) -> _Asked:
        """Read a page of the pass; no ledger transaction is open meanwhile."""
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
        open_ = [one for one in fingerprints_of(Tracking.COMPARE, asked.rows, found.changes) if one.digest is not None]
        return _Page(found, open_, asked.next)

    def _keep(self, held: Cursor, page: _Page, tally: Round) -> Cursor | None:
        """Remember or tell the events of a page and advance, in one transaction; None when the pass is over."""
        parts, now, since = self._parts, self._parts.clock(), self._since
        known = {key: event for key, event in page.found.events.items() if event.held is None}
        told = {key: Seen(event, now) for key, event in known.items() if since and event.at >= since}
        past = [key for key in known if key not in told]
        with parts.ledger.begin() as tx:
            if told:
                parts.guarding.take_turn(tx)
            moved = self._move_on(tx, held, page.next, now)
            remembered = cursors.remember(tx, parts.oa, past)
            fingerprints.keep(tx, parts.oa, page.fingerprints)
            renamed(tx, parts.oa, page.found.changes.values())
            recorded = record(tx, parts.oa, parts.people, told.values(), parts.guarding)
            set_aside(tx, parts.oa, [page.found], asked_at=held.read_at)
        tally.baseline += remembered
        tally.recorded += recorded
        self._tell_bell(recorded)
        return moved

    def _move_on(self, tx: Connection, held: Cursor, following: SourceRow | None, now: datetime) -> Cursor | None:
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

    def _begin(self, tx: Connection, feed: str, position: SourceRow, now: datetime) -> Cursor:
        begun = cursors.begin(tx, self._parts.oa, feed, position, now)
        if begun is None:
            raise Outrun
        return begun

    def _note_first_start(self, tx: Connection, lacking: Sequence[Feed], now: datetime) -> None:
        """Note the first start, unless only some feeds are new and others are followed already."""
        if len(lacking) == len(self._parts.feeds):
            sources.begin(tx, self._parts.oa, now)

    def _is_adopted(self) -> bool:
        with self._parts.ledger.connect() as connection:
            return sources.read(connection, self._parts.oa).as_baseline

    def _tells_everything(self) -> bool:
        return self._start_from == "beginning" and not self._is_adopted()

    def _tells_since(self) -> datetime | None:
        """Events at or after this time are told, although they precede the first start; None: no such event is told."""
        return self._start_from if isinstance(self._start_from, datetime) and not self._is_adopted() else None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disable gc meanwhile: millions of rows make no cycles, and searching each page for some is 1/7 of the work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
