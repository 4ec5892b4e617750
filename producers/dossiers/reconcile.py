"""The reconcile: a slow background pass over every dossier and payment that may still lead to a notice (R10, R39).

Integrations change a status by raw SQL and touch neither the history nor the change time; no other feed sees that.
A pass reads three stages, page by page:

1. `open`: the dossiers that the source calls open, to find those that no feed has reported;
2. `seen`: the dossiers that we last saw open, queried by code, to find those that were closed meanwhile;
3. `payments`: the payment requests that are still open.

The events of a page are recorded only after all feeds have then been read to their ends. Otherwise a pass that meets
a flood before the feeds have read it would tell of a result whose fee is in a later page of a feed (R11).

The pass keeps its position in a cursor, so it may span many bells and a crash costs one page. Then it rests, long
enough for the source to spend at most a twentieth of its time on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from ledger.source import cursors, fingerprints
from ledger.source.cursors import Cursor
from ledger.source.fingerprints import Fingerprint
from producers.dossiers.another_code import renamed
from producers.dossiers.context import Outrun, PollContext, Round
from producers.dossiers.feeds import SourceRow
from producers.dossiers.findings import PageFindings
from producers.dossiers.fingerprints import Tracking, changed, doubtful, fingerprints_of, gone, seen_standing
from producers.dossiers.follow_source import follow_dossiers
from producers.dossiers.queries import BEFORE_ALL_CODES, first_key
from producers.dossiers.record import fresh_at, look_again, record, retract, set_aside
from producers.dossiers.row_keys import row_id
from producers.dossiers.rows import RowReader
from producers.dossiers.seen import Seen
from producers.dossiers.view import View

PROGRESS = "reconcile"  # the name of the cursor that holds the position of the pass

_SHARE = 20  # a pass that worked for a second rests for twenty
_CODES = 1000  # codes in one query: Oracle accepts no longer list


@dataclass(frozen=True, slots=True)
class _Page:
    rows: int
    found: PageFindings
    fingerprints: Sequence[Fingerprint]
    next: dict[str, Any]
    doubtful: set[str]
    read_again: Callable[[], PageFindings]
    """Finds the events of the same rows once more. A second page from the same place could lack the last of them, since
    rows that were written meanwhile come before: those would count as seen, though nothing of them was recorded."""


class CatchUp(Protocol):
    """Reads all feeds to their ends and commits the findings; False if that takes too long for now."""

    def __call__(self, tally: Round, *, whole: bool) -> bool: ...


class Reconcile:
    """Compares the open dossiers and payments of the source with what we last saw."""

    def __init__(self, parts: PollContext, tell_bell: Callable[[int], None], catch_up: CatchUp) -> None:
        self._parts = parts
        self._tell_bell = tell_bell
        self._catch_up = catch_up
        self._door = RowReader(parts.mapping)

    def run(self, tally: Round, *, whole: bool, time_is_up: Callable[[], bool]) -> None:
        """Continue the pass, unless it rests. `whole`: run a new pass from beginning to end, now.

        Raises `Outrun`, `SourceError`.
        """
        held = self._begin(whole=whole)
        while held:
            try:
                held = self._turn(held, tally, whole=whole)
            except Outrun:
                if not whole:
                    raise
                held = self._under_way()  # another process advanced the pass: continue from there
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
        """The cursor of the pass that is under way or begins now; None while it rests."""
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

    def _is_rested(self, place: SourceRow, now: datetime) -> bool:
        pause = max(self._parts.mapping.limits.reconcile_seconds, _SHARE * place["busy"])
        return place["stage"] == "rest" and now >= datetime.fromisoformat(place["began"]) + timedelta(seconds=pause)

    def _turn(self, held: Cursor, tally: Round, *, whole: bool) -> Cursor | None:
        """Process one page: read, sift, commit. Returns the new cursor; None at the end of the pass.

        Raises `Outrun`, also if the feeds are behind: the page is then read again once they have caught up.
        """
        began = time.monotonic()
        place = held.position
        page = self._read(place)
        page.next["busy"] = place["busy"] + time.monotonic() - began
        if page.found.events:
            if not self._catch_up(tally, whole=whole):
                raise Outrun
            self._believe_only_what_is_so_still(page)
        moved = self._keep(held, page, tally)
        tally.count(page.found, page.rows)
        return None if page.next["stage"] == "rest" else moved

    def _believe_only_what_is_so_still(self, page: _Page) -> None:
        """Read a page with new events again, since a fee may have been paid while the feeds were read.

        The feeds could retract no notice for it, as none was recorded yet. Only events found by both readings are
        recorded. Those found only by the second are left to the next pass, since the feeds were not read after it.
        """
        with self._parts.ledger.begin() as tx:
            news = cursors.untold(tx, self._parts.oa, list(page.found.events))
        if news:
            again = page.read_again()
            page.found.events = {key: again.events[key] for key in page.found.events if key in again.events}
            page.found.retractions = again.retractions
            page.found.changes, page.found.ignored = again.changes, again.ignored

    def _read(self, place: SourceRow) -> _Page:
        return {"open": self._open, "seen": self._seen, "payments": self._payments}[place["stage"]](place)

    def _open(self, place: SourceRow) -> _Page:
        limit = self._parts.mapping.limits.page
        rows = self._parts.source.page("open", {"after": place["after"], "limit": limit})
        full = len(rows) >= limit
        following = {"after": rows[-1]["code"]} if full else {"stage": "seen", "after": ""}
        return self._compared(rows, [], {**place, **following})

    def _seen(self, place: SourceRow) -> _Page:
        limit = min(self._parts.mapping.limits.page, _CODES)
        with self._parts.ledger.begin() as tx:
            codes = fingerprints.page(tx, self._parts.oa, place["after"], limit)
        rows = self._parts.source.page("by_code", {"codes": codes}) if codes else []
        stage = "payments" if self._parts.mapping.has("open_payments") else "rest"
        first = first_key(self._parts.mapping.keys.payments)
        following = {"after": codes[-1]} if len(codes) >= limit else {"stage": stage, "after": first}
        return self._compared(rows, gone(codes, rows), {**place, **following})

    def _compared(self, rows: Sequence[SourceRow], lost: list[Fingerprint], following: dict[str, Any]) -> _Page:
        parts, now = self._parts, self._parts.clock()
        with parts.ledger.begin() as tx:
            known = fingerprints.known(tx, parts.oa, {str(row["code"]) for row in rows})
        fresh = changed(rows, known)
        found = parts.sieve.sift(PROGRESS, fresh, lambda row: seen_standing(self._door, row, now))
        seen = [*fingerprints_of(Tracking.COMPARE, fresh, found.changes), *lost]
        codes = [str(row["code"]) for row in rows]
        return _Page(len(rows), found, seen, following, doubtful(fresh, found.changes), partial(self._by_code, codes))

    def _by_code(self, codes: Sequence[str]) -> PageFindings:
        rows = [
            row
            for first in range(0, len(codes), _CODES)
            for row in self._parts.source.page("by_code", {"codes": codes[first : first + _CODES]})
        ]
        return self._compared(rows, [], {}).found

    def _payments(self, place: SourceRow) -> _Page:
        limit = self._parts.mapping.limits.page
        rows = self._parts.source.page("open_payments", {"after": place["after"], "limit": limit})
        found = self._parts.sieve.sift("open_payments", rows, self._door.payment)
        numbered = self._parts.mapping.keys.payments == "number"
        last = (row_id(rows[-1]) if numbered else str(rows[-1]["id"])) if rows else None
        following = {"after": last} if len(rows) >= limit else {"stage": "rest", "after": 0}
        # An event that the second reading lacks is found by the next pass, which reads all payments again.
        again = partial(self._payments_found, place)
        return _Page(len(rows), found, [], {**place, **following}, doubtful(rows, found.changes), again)

    def _payments_found(self, place: SourceRow) -> PageFindings:
        return self._payments(place).found

    def _keep(self, held: Cursor, page: _Page, tally: Round) -> Cursor:
        """Commit the cursor, fingerprints and notices in one transaction, then ring the bell."""
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
            fingerprints.keep(tx, parts.oa, page.fingerprints)
            formers = renamed(tx, parts.oa, view.dossiers.values())
            recorded = record(tx, parts.oa, parts.people, seen, parts.guarding, formers=formers)
            followed = follow_dossiers(tx, parts, view)  # includes the notices that `record` has just revived
            retracted = retract(tx, parts.oa, page.found.retractions)
            set_aside(tx, parts.oa, [page.found], asked_at=held.read_at, doubtful=page.doubtful)
            look_again(tx, parts.oa, seen, page.fingerprints)
        tally.recorded += recorded
        tally.retracted += retracted + followed.suppressed
        tally.changed += followed.changed
        self._tell_bell(recorded + retracted + followed.suppressed + followed.changed)
        return moved
