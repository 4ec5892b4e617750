"""Rereads dossiers by code, in batches, to compare notices with the source before they leave.

recheck   compares due notices whose last comparison is older than HCC_RECHECK_SECONDS; until then they may not be
          claimed (`ledger.notices.eligibility`). While the source cannot be read they wait, with the reason `source`.
walk      compares every notice that may still leave, page by page after the reconcile. One pass finds the changes
          that no feed sees, and the dossiers that are over in the source but were not told yet.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.code import normalize_code
from domain.dossier import Change
from domain.lane import Lane
from domain.lifecycle import State
from domain.truth import Recorded
from ledger.base.clock import now as ledger_now
from ledger.notices import truth
from ledger.notices.truth import WALKED, Place
from ledger.source import cursors
from ledger.source.cursors import Cursor
from producers.dossiers.context import Outrun, PollContext, Round
from producers.dossiers.faults import RowError
from producers.dossiers.feeds import SourceRow
from producers.dossiers.fingerprints import seen_standing
from producers.dossiers.follow_source import Compared, compare
from producers.dossiers.row_keys import row_key
from producers.dossiers.rows import RowReader
from producers.dossiers.source import SourceError
from producers.dossiers.view import View

PROGRESS = "walk"  # the name of the cursor that holds the position of the walk

_PAGE = 1000  # codes in one query: Oracle accepts no longer list
_EARLY = 0.75  # of the age of a comparison at which its notice may no longer leave: then it is repeated
_ASIDE_SECONDS = 60.0  # delay of a notice of which the source says nothing, so that others go first
_BEHIND_ALL = 2**62  # an id that no row has, so the payments query returns only the wanted rows
_SHARE = 20  # a walk that worked for a second rests for twenty

_log = logging.getLogger("hcc.producers")


class Reread:
    """Compares notices with the source by dossier code."""

    def __init__(self, parts: PollContext, tell_bell: Callable[[int], None], recheck_seconds: float) -> None:
        self._parts = parts
        self._tell_bell = tell_bell
        self._seconds = recheck_seconds or 1e9
        self._door = RowReader(parts.mapping)

    def recheck(self, tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        """Compare due notices whose last comparison is too old, in the order of the claim. Raises `SourceError`."""
        while True:
            with self._parts.ledger.begin() as tx:
                held = truth.unsure(tx, self._parts.oa, seconds=self._seconds * _EARLY, lanes=list(Lane), limit=_PAGE)
            if not held:
                return
            found = self._compare(held)
            tally.compared += len(held)
            tally.changed += found.changed
            tally.retracted += found.suppressed
            self._tell_bell(found.changed + found.suppressed + found.same)
            if len(held) < _PAGE or time_is_up():
                return

    def walk(self, tally: Round, *, whole: bool, time_is_up: Callable[[], bool]) -> None:
        """Continue the walk, unless it rests; `whole`: run a new one to its end. Raises `Outrun`, `SourceError`."""
        held = self._begin(whole=whole)
        while held:
            began, place = time.monotonic(), held.position
            at = Place(State(place["state"]), place["after"], place["id"])
            with self._parts.ledger.begin() as tx:
                notices, following = truth.walk(tx, self._parts.oa, at, _PAGE)
            if notices:
                found = self._compare(notices)
                tally.changed += found.changed
                tally.retracted += found.suppressed
                self._tell_bell(found.changed + found.suppressed)
            busy = place["busy"] + time.monotonic() - began
            held = self._move_on(held, following, busy)
            if time_is_up():
                break
        tally.more |= held is not None

    def _compare(self, held: Sequence[Recorded]) -> Compared:
        """Read the dossiers and payments of these notices, and apply the differences."""
        parts = self._parts
        ids = [notice.id for notice in held if notice.state is State.DUE]
        try:
            view = self._view(held)
        except SourceError:
            with parts.ledger.begin() as tx:
                truth.wait_for_source(tx, ids, seconds=self._seconds)
            raise
        with parts.ledger.begin() as tx:
            found = compare(tx, parts, view, held, note=True)
            if parts.mapping.reconcile:
                truth.wait_for_source(tx, set(found.unknown) & set(ids), seconds=self._seconds, later=_ASIDE_SECONDS)
            else:  # the source cannot be queried by code: the feeds' last reading is all that is known
                truth.compared(tx, found.unknown, view.asked_at)
        return found

    def _view(self, held: Sequence[Recorded]) -> View:
        """The source's current view of these; no ledger transaction is open during the query. Raises `SourceError`."""
        parts = self._parts
        with parts.ledger.begin() as tx:
            view = View(ledger_now(tx), parts.clock())
        if not parts.mapping.reconcile:  # no queries by code: the feeds' reading is all that is known
            return view
        codes = {notice.source_code or notice.code: notice for notice in held}
        there = set[str]()
        for page in _pages(sorted(codes)):
            rows = parts.source.page("by_code", {"codes": page})
            there |= {str(row["code"]) for row in rows}
            view.see(*self._read(rows, lambda row: seen_standing(self._door, row, view.now)))
        # An older version did not record the code's spelling in the source: then "not found" does not mean "gone".
        view.gone = {codes[code].code for code in codes.keys() - there if codes[code].source_code is not None}
        self._see_payments(view, held)
        return view

    def _see_payments(self, view: View, held: Sequence[Recorded]) -> None:
        wanted = {notice.payment for notice in held if notice.payment and notice.payment.isdecimal()}
        if not self._parts.mapping.has("payments"):
            return
        there = set[str]()
        for page in _pages(sorted(map(int, wanted))):
            rows = self._parts.source.page("payments", {"after": _BEHIND_ALL, "missing": page, "limit": 1})
            there |= {row_key(row) for row in rows}
            view.see(*self._read(rows, self._door.payment))
        view.no_payments = wanted - there

    def _read(
        self, rows: Sequence[SourceRow], read: Callable[[SourceRow], Change | None]
    ) -> tuple[list[Change], list[str]]:
        """The changes in these rows, and the codes of dossiers that nobody is told about; skips unreadable rows."""
        changes, ignored = list[Change](), list[str]()
        for row in rows:
            try:
                change = read(row)
                if change is not None:
                    changes.append(change)
                elif row["code"] is not None:
                    ignored.append(normalize_code(str(row["code"])))
            except Exception as error:  # noqa: BLE001 (a poison row may fail in any way, and must not stop the others)
                why = str(error) if isinstance(error, RowError) else type(error).__name__
                _log.warning("a dossier of a notice that waits cannot be read why=%s", why)
        return changes, ignored

    def _begin(self, *, whole: bool) -> Cursor | None:
        """The cursor of the walk that is under way or begins now; None while it rests."""
        parts, now = self._parts, self._parts.clock()
        with parts.ledger.begin() as tx:
            held = cursors.read(tx, parts.oa).get(PROGRESS)
            start = {**_place(Place(WALKED[0])), "began": now.isoformat(), "busy": 0.0}
            if held is None:  # no notice is old yet: the first walk comes after a rest
                held = cursors.begin(tx, parts.oa, PROGRESS, start if whole else {**start, **_place(None)}, now)
                return held if whole else None
            if not whole and held.position["state"] is not None:
                return held
            if not whole and now < self._rested_at(held.position):
                return None
            return cursors.advance(tx, parts.oa, PROGRESS, held, to=start, polled_at=held.polled_at)

    def _rested_at(self, place: SourceRow) -> datetime:
        pause = max(self._parts.mapping.limits.reconcile_seconds, _SHARE * place["busy"])
        return datetime.fromisoformat(place["began"]) + timedelta(seconds=pause)

    def _move_on(self, held: Cursor, following: Place | None, busy: float) -> Cursor | None:
        """Store the new position; None at the end of the walk. Raises `Outrun`."""
        parts = self._parts
        to = {**held.position, **_place(following), "busy": busy}
        polled_at = held.polled_at if following else datetime.fromisoformat(held.position["began"])
        with parts.ledger.begin() as tx:
            moved = cursors.advance(tx, parts.oa, PROGRESS, held, to=to, polled_at=polled_at)
        if moved is None:
            raise Outrun
        return moved if following else None


def _place(at: Place | None) -> dict[str, Any]:
    if at is None:
        return {"state": None, "after": None, "id": 0}
    return {"state": at.state.value, "after": at.after, "id": at.id}


def _pages(values: Sequence[Any]) -> Iterable[list[Any]]:
    return (list(values[first : first + _PAGE]) for first in range(0, len(values), _PAGE))
