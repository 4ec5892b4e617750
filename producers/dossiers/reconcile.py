"""The reconcile: a slow pass over everything that may still tell something, in the background (R10, R39).

Integrations change a status by raw SQL and touch neither the history nor the change time; no other feed sees that.
A pass goes page by page through

1. `open`: the dossiers that the source calls open, so that one we never heard of is found;
2. `seen`: the dossiers that we last saw open, asked for by their codes: the ones that were closed meanwhile;
3. `payments`: the payment requests that are not settled.

What a page finds is told only when all feeds have been read to their ends after it: else a pass that meets a flood
before the feeds are through with it would tell of a result whose fee stands in a later page of theirs (R11).

It keeps its place in a cursor, so a pass may take many rings and a crash costs one page. Then it rests: long enough
that the source spends a twentieth of its time on it at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from producers.dossiers.another_code import renamed
from producers.dossiers.feeds import Row
from producers.dossiers.findings import Found
from producers.dossiers.follow_source import follow_dossiers
from producers.dossiers.parts import Outrun, Parts, Round
from producers.dossiers.queries import BEFORE_ALL_CODES, first_key
from producers.dossiers.record import fresh_at, look_again, record, set_aside, withdraw
from producers.dossiers.rows import Door, row_id
from producers.dossiers.seen import Seen
from producers.dossiers.sightings import Look, changed, doubtful, gone, seen_standing, sighted
from producers.dossiers.view import View
from worker.ledger import cursors, sightings
from worker.ledger.cursors import Cursor
from worker.ledger.sightings import Sighting

PROGRESS = "reconcile"  # the name of the cursor in which the pass keeps its place

_SHARE = 20  # a pass that worked for a second rests for twenty
_CODES = 1000  # codes in one question: Oracle takes no longer list


@dataclass(frozen=True, slots=True)
class _Page:
    rows: int
    found: Found
    sightings: Sequence[Sighting]
    next: dict[str, Any]
    doubtful: set[str]


class CatchUp(Protocol):
    """Reads all feeds to their ends and keeps what they tell; False where that takes too long for now."""

    def __call__(self, tally: Round, *, whole: bool) -> bool: ...


class Reconcile:
    """Compares what is open in the source with what we last saw."""

    def __init__(self, parts: Parts, tell_bell: Callable[[int], None], catch_up: CatchUp) -> None:
        self._parts = parts
        self._tell_bell = tell_bell
        self._catch_up = catch_up
        self._door = Door(parts.mapping)

    def run(self, tally: Round, *, whole: bool, time_is_up: Callable[[], bool]) -> None:
        """Go on with the pass, unless it rests. `whole`: a new pass from its beginning to its end, now.

        Raises `Outrun`, `SourceError`.
        """
        held = self._begin(whole=whole)
        while held:
            try:
                held = self._turn(held, tally, whole=whole)
            except Outrun:
                if not whole:
                    raise
                held = self._under_way()  # another process goes on with our pass, and so do we
            if time_is_up():
                break
        tally.more = held is not None

    def _cursor(self) -> Cursor | None:
        with self._parts.ledger.begin() as tx:
            return cursors.read(tx, self._parts.oa).get(PROGRESS)

    def _under_way(self) -> Cursor | None:
        held = self._cursor()
        return held if held and held.position["stage"] != "rest" else None

    def _begin(self, *, whole: bool) -> Cursor | None:
        """The cursor of a pass that is under way or begins now; None while it rests."""
        now, held = self._parts.clock(), self._cursor()
        start = {"stage": "open", "after": BEFORE_ALL_CODES, "began": now.isoformat(), "busy": 0.0}
        if held and not (whole or self._is_rested(held.position, now)):
            return None if held.position["stage"] == "rest" else held
        with self._parts.ledger.begin() as tx:
            if held is None:
                begun = cursors.begin(tx, self._parts.oa, PROGRESS, start, now)
            else:
                begun = cursors.advance(tx, self._parts.oa, PROGRESS, held, to=start, polled_at=held.polled_at)
        if begun is None and not whole:
            raise Outrun
        return begun or self._begin(whole=whole)

    def _is_rested(self, place: Row, now: datetime) -> bool:
        pause = max(self._parts.mapping.limits.reconcile_seconds, _SHARE * place["busy"])
        return place["stage"] == "rest" and now >= datetime.fromisoformat(place["began"]) + timedelta(seconds=pause)

    def _turn(self, held: Cursor, tally: Round, *, whole: bool) -> Cursor | None:
        """One page: read, sift, keep. The cursor as it stands then; None at the end of the pass.

        Raises `Outrun` also where the feeds are behind: the page is read again when they are through.
        """
        began = time.monotonic()
        place = held.position
        page = self._read(place)
        page.next["busy"] = place["busy"] + time.monotonic() - began
        if page.found.events:
            if not self._catch_up(tally, whole=whole):
                raise Outrun
            self._believe_only_what_is_so_still(held, page)
        moved = self._keep(held, page, tally)
        tally.count(page.found, page.rows)
        return None if page.next["stage"] == "rest" else moved

    def _believe_only_what_is_so_still(self, held: Cursor, page: _Page) -> None:
        """Read a page with news again: while the feeds were read a fee may have been paid, and they know of no notice.

        Only what both readings find is news; what the second one finds beside that is left to the next pass, since
        the feeds were not read after it.
        """
        with self._parts.ledger.begin() as tx:
            news = cursors.untold(tx, self._parts.oa, list(page.found.events))
        if news:
            again = self._read(held.position).found
            page.found.events = {key: again.events[key] for key in page.found.events if key in again.events}
            page.found.withdrawals = again.withdrawals
            page.found.changes, page.found.ignored = again.changes, again.ignored

    def _read(self, place: Row) -> _Page:
        return {"open": self._open, "seen": self._seen, "payments": self._payments}[place["stage"]](place)

    def _open(self, place: Row) -> _Page:
        limit = self._parts.mapping.limits.page
        rows = self._parts.source.page("open", {"after": place["after"], "limit": limit})
        full = len(rows) >= limit
        following = {"after": rows[-1]["code"]} if full else {"stage": "seen", "after": ""}
        return self._compared(rows, [], {**place, **following})

    def _seen(self, place: Row) -> _Page:
        limit = min(self._parts.mapping.limits.page, _CODES)
        with self._parts.ledger.begin() as tx:
            codes = sightings.page(tx, self._parts.oa, place["after"], limit)
        rows = self._parts.source.page("by_code", {"codes": codes}) if codes else []
        stage = "payments" if self._parts.mapping.has("open_payments") else "rest"
        first = first_key(self._parts.mapping.keys.payments)
        following = {"after": codes[-1]} if len(codes) >= limit else {"stage": stage, "after": first}
        return self._compared(rows, gone(codes, rows), {**place, **following})

    def _compared(self, rows: Sequence[Row], lost: list[Sighting], following: dict[str, Any]) -> _Page:
        parts, now = self._parts, self._parts.clock()
        with parts.ledger.begin() as tx:
            known = sightings.known(tx, parts.oa, {str(row["code"]) for row in rows})
        fresh = changed(rows, known)
        found = parts.sieve.sift(PROGRESS, fresh, lambda row: seen_standing(self._door, row, now))
        seen = [*sighted(Look.COMPARE, fresh, found.changes), *lost]
        return _Page(len(rows), found, seen, following, doubtful(fresh, found.changes))

    def _payments(self, place: Row) -> _Page:
        limit = self._parts.mapping.limits.page
        rows = self._parts.source.page("open_payments", {"after": place["after"], "limit": limit})
        found = self._parts.sieve.sift("open_payments", rows, self._door.payment)
        numbered = self._parts.mapping.keys.payments == "number"
        last = (row_id(rows[-1]) if numbered else str(rows[-1]["id"])) if rows else None
        following = {"after": last} if len(rows) >= limit else {"stage": "rest", "after": 0}
        return _Page(len(rows), found, [], {**place, **following}, doubtful(rows, found.changes))

    def _keep(self, held: Cursor, page: _Page, tally: Round) -> Cursor:
        """Cursor, sightings and notices in one transaction, then the bell."""
        parts, now = self._parts, self._parts.clock()
        ended = page.next["stage"] == "rest"
        polled_at = datetime.fromisoformat(page.next["began"]) if ended else held.polled_at
        found = page.found.events.values()
        seen = [Seen(event, fresh_at(event.at, held.polled_at, now), held.read_at) for event in found]
        view = View(held.read_at, now)
        view.see(page.found.changes.values(), page.found.ignored)
        with parts.ledger.begin() as tx:
            if seen:
                parts.guarding.take_turn(tx)
            moved = cursors.advance(tx, parts.oa, PROGRESS, held, to=page.next, polled_at=polled_at)
            if moved is None:
                raise Outrun
            sightings.keep(tx, parts.oa, page.sightings)
            formers = renamed(tx, parts.oa, view.dossiers.values())
            recorded = record(tx, parts.oa, parts.people, seen, parts.guarding, formers=formers)
            followed = follow_dossiers(tx, parts, view)  # what came back just now as well
            withdrawn = withdraw(tx, parts.oa, page.found.withdrawals)
            set_aside(tx, parts.oa, [page.found], asked_at=held.read_at, doubtful=page.doubtful)
            look_again(tx, parts.oa, seen, page.sightings)
        tally.recorded += recorded
        tally.withdrawn += withdrawn + followed.suppressed
        tally.changed += followed.changed
        self._tell_bell(recorded + withdrawn + followed.suppressed + followed.changed)
        return moved
