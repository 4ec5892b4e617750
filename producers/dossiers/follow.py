"""Following feeds page after page: read, sift, and keep what was found together with the place it was found at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from producers.dossiers.feeds import Feed, Step
from producers.dossiers.findings import Found
from producers.dossiers.parts import Outrun, Parts, Round
from producers.dossiers.record import Seen, fresh_at, record, withdraw
from producers.dossiers.source import SourceError, SourceUnreachableError
from worker.ledger import cursors
from worker.ledger.cursors import Cursor

_log = logging.getLogger("hcc.producers")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a feed, read and sifted; `at` is when we began to read it."""

    feed: Feed
    held: Cursor
    step: Step
    found: Found
    rows: int
    at: datetime

    @property
    def polled_at(self) -> datetime:
        """Since when the feed is known to its end: a full page leaves that where it was (R15)."""
        return self.held.polled_at if self.step.full else self.at


class Follow:
    """Brings feeds that have a cursor to their end."""

    def __init__(self, parts: Parts, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._tell_bell = tell_bell

    def run(
        self, feeds: Sequence[Feed], held: Mapping[str, Cursor], tally: Round, *, time_is_up: Callable[[], bool]
    ) -> None:
        """Page after page of these feeds, all of them in step, until none has more or the time is up.

        Raises `Outrun`; `SourceUnreachableError` at once; `SourceError` when the feeds without a fault are done.
        """
        places, faults = dict(held), dict[str, str]()
        while feeds:
            pages = self._read_all(feeds, places, faults)
            places |= self._keep(pages, tally)
            feeds = [page.feed for page in pages if page.step.full]
            if feeds and time_is_up():
                tally.more = True
                break
        if faults:
            raise SourceError("\n".join(faults.values()))

    def _read_all(self, feeds: Sequence[Feed], held: Mapping[str, Cursor], faults: dict[str, str]) -> list[_Page]:
        """A page of each feed; one whose query fails does not keep the others from being read."""
        pages = []
        for feed in feeds:
            try:
                pages.append(self._read(feed, held[feed.name]))
            except SourceUnreachableError:
                raise
            except SourceError as fault:
                faults[feed.name] = str(fault)
        return pages

    def _read(self, feed: Feed, held: Cursor) -> _Page:
        """Read a page; no transaction of the ledger is open meanwhile."""
        now = self._parts.clock()
        rows = self._parts.source.page(feed.name, feed.ask(held.position, held.polled_at))
        found = self._parts.sieve.sift(feed.name, rows, feed.read)
        return _Page(feed, held, feed.advance(held.position, rows, now), found, len(rows), now)

    def _keep(self, pages: Sequence[_Page], tally: Round) -> dict[str, Cursor]:
        """All cursors and notices in one transaction, then the bell; the cursors as they stand now."""
        parts, now = self._parts, self._parts.clock()
        seen = [
            Seen(event, fresh_at(event.at, page.held.polled_at, now))
            for page in pages
            for event in page.found.events.values()
        ]
        withdrawals = [withdrawal for page in pages for withdrawal in page.found.withdrawals]
        with parts.ledger.begin() as tx:
            moved = {
                page.feed.name: cursors.advance(
                    tx, parts.oa, page.feed.name, page.held, to=page.step.position, polled_at=page.polled_at
                )
                for page in pages
            }
            if None in moved.values():
                raise Outrun
            recorded = record(tx, parts.oa, parts.people, seen)
            withdrawn = withdraw(tx, parts.oa, withdrawals)
        tally.recorded += recorded
        tally.withdrawn += withdrawn
        self._tell(pages, tally)
        self._tell_bell(recorded + withdrawn)
        return {name: cursor for name, cursor in moved.items() if cursor}

    def _tell(self, pages: Sequence[_Page], tally: Round) -> None:
        for page in pages:
            tally.count(page.found, page.rows)
            if page.step.given_up:
                tally.given_up += page.step.given_up
                _log.warning("missing ids given up feed=%s count=%d", page.feed.name, page.step.given_up)
