"""Reads the feeds page by page, sifts the rows, and commits the findings together with the feeds' positions.

Nothing is committed before all feeds are read to their end. A page of payments may contain the fee of a dossier whose
acceptance is in a later page of the history: committed at once, the fee would be told before the acceptance (R11).
The exception is a flood of changes alone, as an archive that is copied into the source makes: what happened today is
in the history, which has been read to its end, and must not wait until 100,000 changes have been read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from domain.event import Event
from ledger.notices import truth
from ledger.source import cursors, fingerprints, sources
from ledger.source.cursors import Cursor
from ledger.source.fingerprints import Fingerprint
from producers.dossiers.another_code import renamed
from producers.dossiers.context import Outrun, PollContext, Round
from producers.dossiers.feeds import Feed, FeedStep
from producers.dossiers.findings import PageFindings, ledger_code
from producers.dossiers.fingerprints import Tracking, changed, doubtful, fingerprints_of, not_aside
from producers.dossiers.follow_source import follow_dossiers
from producers.dossiers.record import fresh_at, look_again, record, retract, set_aside, spelt
from producers.dossiers.seen import Seen
from producers.dossiers.source import SourceError, SourceUnreachableError
from producers.dossiers.view import View

_log = logging.getLogger("hcc.producers")

_DEAF_SECONDS = 1.0  # a feed in flood delays the others by this much at most
_AT_ONCE = 100_000  # rows: a larger flood is committed in parts, in the order of the feeds
_CHANGES_AT_ONCE = 5_000  # the same if only feeds of changes have more to read
_CHANGES = frozenset({"payment_changes", "snapshot"})


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a feed, read and sifted; `at` is the time at which its reading began."""

    feed: Feed
    held: Cursor
    step: FeedStep
    found: PageFindings
    fingerprints: Sequence[Fingerprint]
    doubtful: set[str]
    rows: int
    at: datetime

    @property
    def polled_at(self) -> datetime:
        """The time up to which the feed has been read to its end; a full page does not advance it (R15)."""
        return self.held.polled_at if self.step.full else self.at

    @property
    def reached(self) -> Cursor:
        """The cursor at which the next page begins."""
        return replace(self.held, position=self.step.position, polled_at=self.polled_at)


class Follow:
    """Reads feeds that have a cursor to their end."""

    def __init__(self, parts: PollContext, tell_bell: Callable[[int], None]) -> None:
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
        """Read these feeds page by page, all in step, until none has more or the time is up.

        `or_nothing`: when the time is up, pages not yet committed are dropped. Raises `Outrun`;
        `SourceUnreachableError` at once; `SourceError` after the feeds without a fault are done.
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
            at_once = self._at_once(full) if len(turn) == len(feeds) else _AT_ONCE
            if late or not full or sum(page.rows for page in unkept) >= at_once:
                places |= self._keep(sorted(unkept, key=lambda page: feeds.index(page.feed)), tally)
                unkept = []
            if late:
                tally.more = True
                break
            turn = [feed for feed in feeds if feed.name in full or (full and _is_deaf(heard[feed.name]))]
        if faults:
            raise SourceError("\n".join(faults.values()))

    def _at_once(self, full: set[str]) -> int:
        """How many rows are committed together after a turn of all feeds, while these have more to read.

        Only then the history is as new as the changes: a fee that has just changed is not told before its acceptance.
        Without a history the acceptance of a dossier is itself a change.
        """
        has_history = any(feed.name == "history" for feed in self._parts.feeds)
        return _CHANGES_AT_ONCE if has_history and full <= _CHANGES else _AT_ONCE

    def _read_all(self, feeds: Sequence[Feed], held: Mapping[str, Cursor], faults: dict[str, str]) -> list[_Page]:
        """Read a page of each feed, all from one snapshot; a feed whose query fails does not stop the others."""
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
        """Read a page; no ledger transaction is open while the source is queried."""
        now = self._parts.clock()
        asked = feed.ask(held.position, held.polled_at)
        rows = self._parts.source.ask(moment, feed.name, asked)
        step = feed.advance(held.position, asked, rows, now)
        fresh, followed = self._of_interest(rows) if feed.look is Tracking.COMPARE else (rows, [])
        found = self._parts.sieve.sift(feed.name, fresh, lambda row: feed.read(row, now))
        self._parts.sieve.look(followed, lambda row: feed.read(row, now), found)
        seen = fingerprints_of(feed.look, fresh, found.changes)
        return _Page(feed, held, step, found, seen, doubtful(fresh, found.changes), len(rows), now)

    def _of_interest(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], ...]:
        """Return the rows that changed, and the other rows whose dossier has a notice that may still leave.

        The second group is needed because fingerprints do not include the phone (R9).
        """
        oa, codes = self._parts.oa, {str(row["code"]): ledger_code(row) for row in rows}
        with self._parts.ledger.begin() as tx:
            known = fingerprints.known(tx, oa, codes.keys())
            followed = truth.followed(tx, oa, {code for code in codes.values() if code})
        fresh = changed(not_aside(rows, known), known)
        news = {str(row["code"]) for row in fresh}
        others = [row for row in rows if str(row["code"]) not in news and codes[str(row["code"])] in followed]
        return fresh, others

    def _keep(self, pages: Sequence[_Page], tally: Round) -> dict[str, Cursor]:
        """Commit all cursors and notices in one transaction, then ring the bell; return the new cursors.

        The pages of each feed must be in the order in which they were read.
        """
        if not pages:  # every feed failed
            return {}
        first = {page.feed.name: page for page in reversed(pages)}
        last = {page.feed.name: page for page in pages}
        parts, now = self._parts, self._parts.clock()
        found = _seen(pages, now)
        retractions = [retraction for page in pages for retraction in page.found.retractions]
        states = [one for page in pages for one in page.fingerprints]
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
            fingerprints.keep(tx, parts.oa, [one for one in states if one.code not in aside])
            fingerprints.set_aside(tx, parts.oa, aside)
            formers = renamed(tx, parts.oa, view.dossiers.values())
            recorded = record(tx, parts.oa, parts.people, seen, parts.guarding, formers=formers)
            followed = follow_dossiers(tx, parts, view)  # includes the notices that `record` has just revived
            retracted = retract(tx, parts.oa, retractions)
            doubts = {code for page in pages for code in page.doubtful}
            asked_at = min(page.held.read_at for page in pages)
            set_aside(tx, parts.oa, [page.found for page in pages], asked_at=asked_at, doubtful=doubts)
            look_again(tx, parts.oa, seen, states)
            sources.note_read(tx, parts.oa, _at_their_ends(last.values()), [feed.name for feed in parts.feeds])
        tally.recorded += recorded
        tally.retracted += retracted + followed.suppressed
        tally.changed += followed.changed
        self._tell(pages, tally)
        self._tell_bell(recorded + retracted + followed.suppressed + followed.changed)
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
    """The dossiers of these pages; the latest reading of a dossier counts."""
    view = View(min(page.held.read_at for page in pages), now)
    for page in sorted(pages, key=lambda page: page.at):
        view.see([*page.found.changes.values(), *page.found.standing], page.found.ignored)
    return view


def _at_their_ends(pages: Iterable[_Page]) -> list[str]:
    return [page.feed.name for page in pages if not page.step.full]


def _seen(pages: Sequence[_Page], now: datetime) -> list[Seen]:
    """The events of these pages, each once: the first page gives its time, the latest its facts and `asked_at`."""
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
    """The latest reading of an event, with the time and row of the first; mostly the two are the same."""
    return newest if newest is first else replace(newest, at=first.at, row=first.row)


def _is_deaf(heard_at: float) -> bool:
    return time.monotonic() - heard_at >= _DEAF_SECONDS
