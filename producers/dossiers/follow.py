"""Following feeds page after page: read, sift, and keep what was found together with the place it was found at.

Nothing is kept before all feeds are at their end: a page of payments tells of fees whose dossiers' acceptance may stand
in a later page of the history, and who was told of the fee already would hear of the acceptance after it (R11).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from producers.dossiers.another_code import renamed
from producers.dossiers.feeds import Feed, Step
from producers.dossiers.findings import Found, ledger_code
from producers.dossiers.follow_source import follow_dossiers
from producers.dossiers.parts import Outrun, Parts, Round
from producers.dossiers.record import fresh_at, look_again, record, set_aside, spelt, withdraw
from producers.dossiers.seen import Seen
from producers.dossiers.sightings import Look, changed, doubtful, not_aside, sighted
from producers.dossiers.source import SourceError, SourceUnreachableError
from producers.dossiers.view import View
from worker.domain.event import Event
from worker.ledger import cursors, sightings, sources, truth
from worker.ledger.cursors import Cursor
from worker.ledger.sightings import Sighting

_log = logging.getLogger("hcc.producers")

_DEAF_SECONDS = 1.0  # a feed in flood keeps the others waiting this long at most
_AT_ONCE = 100_000  # rows: a flood beyond this is kept in parts, in the order of the feeds


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a feed, read and sifted; `at` is when we began to read it."""

    feed: Feed
    held: Cursor
    step: Step
    found: Found
    sightings: Sequence[Sighting]
    doubtful: set[str]
    rows: int
    at: datetime

    @property
    def polled_at(self) -> datetime:
        """Since when the feed is known to its end: a full page leaves that where it was (R15)."""
        return self.held.polled_at if self.step.full else self.at

    @property
    def reached(self) -> Cursor:
        """Where the next page begins."""
        return replace(self.held, position=self.step.position, polled_at=self.polled_at)


class Follow:
    """Brings feeds that have a cursor to their end."""

    def __init__(self, parts: Parts, tell_bell: Callable[[int], None]) -> None:
        self._parts = parts
        self._tell_bell = tell_bell

    def run(
        self,
        feeds: Sequence[Feed],
        held: Mapping[str, Cursor],
        tally: Round,
        *,
        time_is_up: Callable[[], bool],
        or_nothing: bool = False,
    ) -> None:
        """Page after page of these feeds, all of them in step, until none has more or the time is up.

        `or_nothing`: when the time is up, what is not kept by then is dropped. Raises `Outrun`;
        `SourceUnreachableError` at once; `SourceError` when the feeds without a fault are done.
        """
        places, faults, heard = dict(held), dict[str, str](), dict[str, float]()
        turn, unkept = list(feeds), list[_Page]()
        while turn:
            heard |= dict.fromkeys((feed.name for feed in turn), time.monotonic())
            pages = self._read_all(turn, places, faults)
            unkept += pages
            places |= {page.feed.name: page.reached for page in pages}
            full = {page.feed.name for page in pages if page.step.full}
            late = bool(full) and time_is_up()
            if late and or_nothing:
                tally.more = True
                return
            if late or not full or sum(page.rows for page in unkept) >= _AT_ONCE:
                places |= self._keep(sorted(unkept, key=lambda page: feeds.index(page.feed)), tally)
                unkept = []
            if late:
                tally.more = True
                break
            turn = [feed for feed in feeds if feed.name in full or (full and _is_deaf(heard[feed.name]))]
        if faults:
            raise SourceError("\n".join(faults.values()))

    def _read_all(self, feeds: Sequence[Feed], held: Mapping[str, Cursor], faults: dict[str, str]) -> list[_Page]:
        """A page of each feed, all of one moment; one whose query fails does not keep the others from being read."""
        pages = []
        with self._parts.source.moment() as moment:
            for feed in feeds:
                try:
                    pages.append(self._read(feed, held[feed.name], moment))
                except SourceUnreachableError:
                    raise
                except SourceError as fault:
                    moment.rollback()
                    faults[feed.name] = str(fault)
        return pages

    def _read(self, feed: Feed, held: Cursor, moment: Connection) -> _Page:
        """Read a page; no transaction of the ledger is open meanwhile."""
        now = self._parts.clock()
        asked = feed.ask(held.position, held.polled_at)
        rows = self._parts.source.ask(moment, feed.name, asked)
        step = feed.advance(held.position, asked, rows, now)
        fresh, followed = self._of_interest(rows) if feed.look is Look.COMPARE else (rows, [])
        found = self._parts.sieve.sift(feed.name, fresh, lambda row: feed.read(row, now))
        self._parts.sieve.look(followed, lambda row: feed.read(row, now), found)
        seen = sighted(feed.look, fresh, found.changes)
        return _Page(feed, held, step, found, seen, doubtful(fresh, found.changes), len(rows), now)

    def _of_interest(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], ...]:
        """Those that changed, and others of which a notice may still leave: their phone is in no sighting (R9)."""
        oa, codes = self._parts.oa, {str(row["code"]): ledger_code(row) for row in rows}
        with self._parts.ledger.begin() as tx:
            known = sightings.known(tx, oa, codes.keys())
            followed = truth.followed(tx, oa, {code for code in codes.values() if code})
        fresh = changed(not_aside(rows, known), known)
        news = {str(row["code"]) for row in fresh}
        others = [row for row in rows if str(row["code"]) not in news and codes[str(row["code"])] in followed]
        return fresh, others

    def _keep(self, pages: Sequence[_Page], tally: Round) -> dict[str, Cursor]:
        """All cursors and notices in one transaction, then the bell; the cursors as they stand now.

        The pages of each feed stand in the order in which they were read.
        """
        if not pages:  # every feed is at fault
            return {}
        first = {page.feed.name: page for page in reversed(pages)}
        last = {page.feed.name: page for page in pages}
        parts, now = self._parts, self._parts.clock()
        found = _seen(pages, now)
        withdrawals = [withdrawal for page in pages for withdrawal in page.found.withdrawals]
        states = [one for page in pages for one in page.sightings]
        view = _view(pages, now)
        with parts.ledger.begin() as tx:
            if found:
                parts.guarding.take_turn(tx)
            seen = parts.guarding.without_flood(tx, found, parts.mapping)
            left = {one.event.key for one in found} - {one.event.key for one in seen}
            aside = spelt(states, {one.event.code for one in found if one.event.key in left})
            moved = {
                name: cursors.advance(
                    tx, parts.oa, name, first[name].held, to=page.step.position, polled_at=page.polled_at
                )
                for name, page in last.items()
            }
            if None in moved.values():
                raise Outrun
            sightings.keep(tx, parts.oa, [one for one in states if one.code not in aside])
            sightings.set_aside(tx, parts.oa, aside)
            formers = renamed(tx, parts.oa, view.dossiers.values())
            recorded = record(tx, parts.oa, parts.people, seen, parts.guarding, formers=formers)
            followed = follow_dossiers(tx, parts, view)  # what came back just now as well
            withdrawn = withdraw(tx, parts.oa, withdrawals)
            doubts = {code for page in pages for code in page.doubtful}
            asked_at = min(page.held.read_at for page in pages)
            set_aside(tx, parts.oa, [page.found for page in pages], asked_at=asked_at, doubtful=doubts)
            look_again(tx, parts.oa, seen, states)
            sources.note_read(tx, parts.oa, _at_their_ends(last.values()), [feed.name for feed in parts.feeds])
        tally.recorded += recorded
        tally.withdrawn += withdrawn + followed.suppressed
        tally.changed += followed.changed
        self._tell(pages, tally)
        self._tell_bell(recorded + withdrawn + followed.suppressed + followed.changed)
        return {name: cursor for name, cursor in moved.items() if cursor}

    def _tell(self, pages: Sequence[_Page], tally: Round) -> None:
        for page in pages:
            tally.count(page.found, page.rows)
            if page.step.given_up:
                tally.given_up += page.step.given_up
                _log.warning("missing ids given up feed=%s count=%d", page.feed.name, page.step.given_up)
            if page.step.jumped:
                _log.warning("too many rows changed at one moment, left to the reconcile feed=%s", page.feed.name)


def _view(pages: Sequence[_Page], now: datetime) -> View:
    """What these pages say of dossiers; what was read last counts."""
    view = View(min(page.held.read_at for page in pages), now)
    for page in sorted(pages, key=lambda page: page.at):
        view.see([*page.found.changes.values(), *page.found.standing], page.found.ignored)
    return view


def _at_their_ends(pages: Iterable[_Page]) -> list[str]:
    return [page.feed.name for page in pages if not page.step.full]


def _seen(pages: Sequence[_Page], now: datetime) -> list[Seen]:
    """The events of these pages, each once: the first page dates it, the last question vouches for it and its facts."""
    dated = dict[str, tuple[Event, datetime]]()
    newest = dict[str, tuple[Event, datetime]]()
    asked = dict[str, datetime]()
    for page in pages:
        for key, event in page.found.events.items():
            dated.setdefault(key, (event, fresh_at(event.at, page.held.polled_at, now)))
            if key not in newest or newest[key][1] <= page.at:
                newest[key] = event, page.at
            asked[key] = max(asked.get(key, page.held.read_at), page.held.read_at)
    return [Seen(_dated(newest[key][0], event), since, asked[key]) for key, (event, since) in dated.items()]


def _dated(newest: Event, first: Event) -> Event:
    """What was read last, dated by what was read first; mostly that is the same."""
    return newest if newest is first else replace(newest, at=first.at, row=first.row)


def _is_deaf(heard_at: float) -> bool:
    return time.monotonic() - heard_at >= _DEAF_SECONDS
