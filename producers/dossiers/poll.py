"""One round over the dossier database: read a page, apply the rules, record, move the cursor; page after page.

    read page → findings → one ledger transaction (cursor, people, notices, withdrawals) → ring

No ledger transaction is open while the source is read. Cursor and notices move together; the bell comes after the
commit and may be lost without harm. Two polls at once: the slower one's cursor does not fit and its page is dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from config.settings import Settings
from producers.dossiers.baseline import begin
from producers.dossiers.cursor import Position, advance
from producers.dossiers.mapping import Feed, Mapping, load_mapping
from producers.dossiers.source import Page, RowError, Source
from worker.domain.dossier import Change
from worker.domain.event import Event, Oddity, Withdrawal
from worker.domain.kinds import Finding, findings
from worker.domain.phone import read_phone
from worker.ledger import cursors, notices
from worker.ledger.cursors import Cursor
from worker.ledger.engine import open_ledger
from worker.ledger.notices import NewNotice
from worker.ledger.people import People
from worker.ledger.sealing import Sealer
from worker.queue.bell import ring

log = logging.getLogger("hcc.producers")

_ROUND_SECONDS = 10.0  # a flood is read in several rounds, so that one task never holds its process for long
_NOTHING = -1  # stands for "no missing id": an empty list is not SQL in every database


@dataclass
class Round:
    """What one round did, in rows and notices."""

    read: int = 0
    recorded: int = 0
    withdrawn: int = 0
    set_aside: int = 0
    more: bool = False


class Poller:
    """Sees transitions and records them, once each."""

    def __init__(
        self, oa: str, source: Source, ledger: Engine, people: People, *, start_from: str, ring: Callable[[], None]
    ) -> None:
        self._oa = oa
        self._source = source
        self._mapping: Mapping = source.mapping
        self._ledger = ledger
        self._people = people
        self._start_from = start_from
        self._ring = ring

    def round(self) -> Round:
        """One whole round of all feeds. Raises `SourceError`; what was recorded before it stays."""
        done = Round()
        end = time.monotonic() + _ROUND_SECONDS
        try:
            for name, cursor in self._cursors().items():
                self._drain(self._mapping.feeds[name], cursor, done, end)
        finally:
            if done.recorded:
                self._ring_softly()
        return done

    def _cursors(self) -> dict[str, Cursor]:
        with self._ledger.connect() as connection:
            known = cursors.read(connection, self._oa)
        if not known:
            begin(self._ledger, self._source, self._oa, self._start_from)
            with self._ledger.connect() as connection:
                known = cursors.read(connection, self._oa)
        return {name: known[name] for name in self._mapping.feeds if name in known}

    def _drain(self, feed: Feed, cursor: Cursor, done: Round, end: float) -> None:
        polled_at = cursor.polled_at  # an event cannot be older than the last poll that did not see it
        reading: dict[str, Any] | None = None
        moved: Cursor | None = cursor
        while moved is not None:
            values = reading or self._first_values(feed, moved.position)
            page = self._source.page(moved.feed, feed, values)
            moved = self._take(feed, moved, page, polled_at, done)
            if not page.full:
                return
            if time.monotonic() > end:
                done.more = True
                return
            reading = self._next_values(feed, page)

    def _take(self, feed: Feed, cursor: Cursor, page: Page, polled_at: datetime, done: Round) -> Cursor | None:
        found = list(self._findings(cursor.feed, page.rows, done))
        position = self._position(feed, cursor, page.rows)
        if not found and position == cursor.position and page.rows:
            return cursor
        with self._ledger.begin() as tx:
            moved = cursors.advance(tx, self._oa, cursor, position)
            if moved is None:
                log.info("another poll was faster feed=%s", cursor.feed)
                return None
            recorded = self._record(tx, found, polled_at)
            gone = [finding for finding in found if isinstance(finding, Withdrawal)]
            withdrawn = notices.withdraw(tx, self._oa, gone, by="producer") if gone else set()
        done.read += len(page.rows)
        done.recorded += len(recorded)
        done.withdrawn += len(withdrawn)
        return moved

    def _findings(self, feed: str, rows: Sequence[RowMapping], done: Round) -> Iterator[Finding]:
        """The rules' findings; a row that makes no sense is set aside with its reason, and the page goes on."""
        for row in rows:
            try:
                if self._source.told(row):
                    yield from self._of(self._source.change(feed, row))
            except (RowError, ValueError, TypeError) as fault:
                done.set_aside += 1
                why = fault if isinstance(fault, RowError) else type(fault).__name__
                log.error("row set aside feed=%s id=%s why=%s", feed, row["id"], why)  # noqa: TRY400 (the reason says all)

    def _of(self, change: Change) -> Iterator[Finding]:
        for finding in findings(change):
            if isinstance(finding, Oddity):
                log.warning("cannot be told event=%s why=%s", finding.key, finding.why)
            else:
                yield finding

    def _record(self, tx: Connection, found: Sequence[Finding], polled_at: datetime) -> set[str]:
        events = [finding for finding in found if isinstance(finding, Event)]
        known = cursors.remembered(tx, self._oa, {event.key for event in events})
        events = [event for event in events if event.key not in known]
        phones = {event.key: read_phone(event.phone) for event in events}
        people = self._people.ids(tx, self._oa, {phone.e164 for phone in phones.values() if phone.e164})
        now = datetime.now(UTC)
        new = []
        for event in events:
            phone = phones[event.key]
            new.append(
                NewNotice(
                    event_key=event.key,
                    code=event.code,
                    kind=event.kind,
                    unit=event.unit,
                    facts=facts(event),
                    person_id=people[phone.e164] if phone.e164 else None,
                    no_person_because=None if phone.e164 else f"phone: {phone.verdict}",
                    event_at=event.at,
                    fresh_at=min(now, max(event.at, polled_at)),
                )
            )
        return notices.record(tx, self._oa, new)

    def _first_values(self, feed: Feed, position: Position) -> dict[str, Any]:
        if feed.by == "id":
            return {"after": position["after"], "missing": [int(id_) for id_ in position["missing"]] or [_NOTHING]}
        since = datetime.fromisoformat(position["since"]) - timedelta(seconds=self._mapping.overlap_seconds)
        return {"since": since, "after": 0}

    def _next_values(self, feed: Feed, page: Page) -> dict[str, Any]:
        last = page.rows[-1]
        if feed.by == "id":
            return {"after": last["id"], "missing": [_NOTHING]}
        return {"since": last["changed_at"], "after": last["id"]}

    def _position(self, feed: Feed, cursor: Cursor, rows: Sequence[RowMapping]) -> Position:
        if feed.by == "id":
            patience = timedelta(seconds=self._mapping.gap_seconds)
            position, given_up = advance(cursor.position, [row["id"] for row in rows], datetime.now(UTC), patience)
            if given_up:
                log.warning("ids never appeared feed=%s number=%d", cursor.feed, given_up)
            return position
        newest = max((row["changed_at"] for row in rows), default=None)
        since = datetime.fromisoformat(cursor.position["since"])
        return {"since": max(since, newest or since).isoformat()}

    def _ring_softly(self) -> None:
        try:
            self._ring()
        except Exception as error:  # noqa: BLE001 (whatever the broker raises: the next sweep rings again)
            log.warning("the bell was not heard, a sweep will ring again why=%s", type(error).__name__)


def facts(event: Event) -> dict[str, Any]:
    """What the text of this event needs, as JSON; no personal data."""
    told: dict[str, Any] = {}
    if event.amount is not None:
        told["amount"] = event.amount
    if event.appointment_at is not None:
        told["appointment_at"] = event.appointment_at.isoformat()
    return told


def build_poller(settings: Settings) -> Poller:
    """A poller from the settings. Raises `MappingError` or `SourceError` for a source that cannot be understood."""
    ledger = open_ledger(settings.database_url, name="hcc producer")
    return Poller(
        settings.zalo_oa_id,
        Source(settings.dossier_url, load_mapping(settings.source)),
        ledger,
        People.of(ledger, Sealer(settings.secret_keys)),
        start_from=settings.start_from,
        ring=partial(ring, settings.zalo_oa_id),
    )
