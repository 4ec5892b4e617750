"""Holds: notices whose event depends on a word of the source that is not known yet (`quarantined`, with the word).

`notices.held` has the hold by field of the source: {field: {mark, why, at}}. It is noted in any state, so that a notice
that a worker has now is quarantined when it is returned (`moves`). A hold is released once the field was read well, or
once the mapping has learned the word; an operator may release it earlier. A notice released once is not held again for
the same word.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from domain.event import EVERY, WordHold
from domain.lifecycle import LIVE, State
from ledger.base.arrays import column
from ledger.base.statements import statement
from ledger.notices.moves import Move, move, move_found
from ledger.notices.notices import promote
from ledger.notices.verbs import OVERTAKEN

_MAY_LEAVE = ", ".join(f"'{state}'" for state in sorted(LIVE | {State.EXPIRED}))
_KEPT_BACK = (State.WAITING, State.DUE)  # at once; notices in other states when they are returned to the queue
_OVER_TAKEN = "a later notice of this dossier was told already"


@dataclass(frozen=True, slots=True)
class Reading:
    """Fields of the source that were read well; `key` names the events, as in a hold."""

    code: str
    key: str
    fields: frozenset[str]


_CANDIDATES = f"""
SELECT n.id, n.code, n.event_key, n.kind, n.state, n.reason, n.lease, n.held, transaction_timestamp() AS now
FROM notices n WHERE n.oa = :oa AND n.code = ANY(CAST(:codes AS text[])) AND n.state IN ({_MAY_LEAVE})
ORDER BY n.id FOR UPDATE OF n
"""
_LET_GO_BEFORE = """
SELECT h.notice_id, h.why FROM history h
WHERE h.notice_id = ANY(CAST(:ids AS bigint[])) AND h.after = 'quarantined' AND h.why = ANY(CAST(:whys AS text[]))
"""
_NOTE = """
UPDATE notices n SET held = w.held
FROM unnest(CAST(:ids AS bigint[]), CAST(:helds AS jsonb[])) AS w (id, held) WHERE n.id = w.id
"""


def keep_back(tx: Connection, oa: str, held: Collection[WordHold], *, by: str) -> set[int]:
    """Hold notices that depend on these words and have not left; returns the ids newly held.

    A page whose notices are all held already writes nothing.
    """
    if not held:
        return set()
    by_code: dict[str, list[WordHold]] = {}
    for hold in sorted(held, key=lambda hold: (hold.code, hold.field, hold.key)):
        by_code.setdefault(hold.code, []).append(hold)
    rows = tx.execute(text(_CANDIDATES), {"oa": oa, "codes": sorted(by_code)}).all()
    wanted = {row.id: (row, _new_holds(row, by_code[row.code])) for row in rows}
    wanted = {number: (row, holds) for number, (row, holds) in wanted.items() if holds}
    if not wanted:
        return set()
    released = _released(tx, [(row, hold) for row, holds in wanted.values() for hold in holds])
    fresh = {
        number: [one for one in holds if (number, one.why) not in released] for number, (_, holds) in wanted.items()
    }
    noted = {number: _with(wanted[number][0], holds) for number, holds in fresh.items() if holds}
    _note(tx, noted)
    moves = [
        Move(row.id, State(row.state), State.QUARANTINED, why=fresh[row.id][0].why)
        for row, _ in wanted.values()
        if row.id in noted and row.state in _KEPT_BACK
    ]
    move(tx, moves, by=by)
    promote(tx, oa, {wanted[number][0].code for number in noted}, by=by)
    return set(noted)


def _new_holds(row: Row[Any], holds: Iterable[WordHold]) -> list[WordHold]:
    known = row.held or {}
    return [hold for hold in holds if _covers(hold, row) and known.get(hold.field, {}).get("mark") != hold.mark]


def _covers(hold: WordHold, row: Row[Any]) -> bool:
    return _named(hold.key, row.event_key) and (not hold.kinds or row.kind in hold.kinds)


def _named(key: str, event_key: str) -> bool:
    return event_key.startswith(key[:-1]) if key.endswith(EVERY) else event_key == key


def _released(tx: Connection, candidates: Sequence[tuple[Row[Any], WordHold]]) -> set[tuple[int, str]]:
    """Among notices that are not quarantined, those quarantined before for the same reason: somebody released them."""
    loose = [(row.id, hold.why) for row, hold in candidates if row.state != State.QUARANTINED]
    if not loose:
        return set()
    values = {"ids": [number for number, _ in loose], "whys": sorted({why for _, why in loose})}
    return {(row.notice_id, row.why) for row in tx.execute(text(_LET_GO_BEFORE), values)}


def _with(row: Row[Any], holds: Iterable[WordHold]) -> dict[str, Any]:
    at = row.now.isoformat()
    return (row.held or {}) | {hold.field: {"mark": hold.mark, "why": hold.why, "at": at} for hold in holds}


_HELD = """
SELECT n.id, n.code, n.event_key, n.kind, n.state, n.reason, n.held FROM notices n
WHERE n.oa = :oa AND n.held IS NOT NULL AND {which}
ORDER BY n.id FOR UPDATE OF n
"""
_OF_CODES = _HELD.format(which="n.code = ANY(CAST(:codes AS text[]))")
_OF_MARKS = _HELD.format(which="n.held -> 'payment_state' ->> 'mark' = ANY(CAST(:marks AS text[]))")
_ANY = "SELECT EXISTS (SELECT FROM notices WHERE oa = :oa AND held IS NOT NULL)"


def let_go(tx: Connection, oa: str, read: Collection[Reading], *, asked_at: datetime | None, by: str) -> set[int]:
    """Release holds whose field was read well since; returns the ids of notices without any hold left.

    `asked_at` is a ledger time before the source was queried: newer holds stay.
    """
    if not read or not tx.execute(text(_ANY), {"oa": oa}).scalar_one():
        return set()
    by_code: dict[str, list[Reading]] = {}
    for one in read:
        by_code.setdefault(one.code, []).append(one)
    rows = tx.execute(text(_OF_CODES), {"oa": oa, "codes": sorted(by_code)}).all()
    left = {row.id: (row, _left(row, by_code[row.code], asked_at)) for row in rows}
    return _let_go(tx, oa, {number: pair for number, pair in left.items() if pair[1] != pair[0].held}, by=by)


def _left(row: Row[Any], read: Iterable[Reading], asked_at: datetime | None) -> dict[str, Any]:
    well = {name for one in read if _named(one.key, row.event_key) for name in one.fields}
    return {name: held for name, held in row.held.items() if name not in well or _is_newer(held, asked_at)}


def _is_newer(held: Mapping[str, Any], asked_at: datetime | None) -> bool:
    at = held.get("at")
    return bool(at and asked_at and datetime.fromisoformat(at).astimezone(UTC) >= asked_at)


def of_words(tx: Connection, oa: str, marks: Collection[str]) -> dict[str, tuple[str, str]]:
    """The notices under a hold for one of these payment words: by event key the dossier's code and the mark."""
    rows = tx.execute(text(_OF_MARKS), {"oa": oa, "marks": sorted(marks)})
    return {row.event_key: (row.code, row.held["payment_state"]["mark"]) for row in rows}


def learned(tx: Connection, oa: str, marks: Collection[str], *, by: str) -> set[int]:
    """Release holds for one of these payment words, whose meaning is known now; returns the ids with no hold left."""
    rows = tx.execute(text(_OF_MARKS), {"oa": oa, "marks": sorted(marks)}).all()
    left = {row.id: (row, {name: held for name, held in row.held.items() if name != "payment_state"}) for row in rows}
    return _let_go(tx, oa, left, by=by)


_FOUND = """
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.state = (SELECT CAST(:before AS text))"""
_FRESH = "UPDATE notices SET fresh_at = clock_timestamp() WHERE id = ANY(CAST(:ids AS bigint[]))"


def _let_go(tx: Connection, oa: str, left: Mapping[int, tuple[Row[Any], dict[str, Any]]], *, by: str) -> set[int]:
    """Notices with no hold left wait for their turn, unless a later notice of their dossier was told meanwhile."""
    free = [row for row, holds in left.values() if not holds and row.state == State.QUARANTINED and _is_reason(row)]
    _note(tx, {number: holds or None for number, (_, holds) in left.items()})
    if free:
        ids = [row.id for row in free]
        move_found(tx, State.QUARANTINED, State.SUPPRESSED, OVERTAKEN, by=by, why=_OVER_TAKEN, ids=ids)
        why = "what it hangs on is known now"
        moved = move_found(tx, State.QUARANTINED, State.WAITING, _FOUND, by=by, why=why, ids=ids)
        tx.execute(text(_FRESH), {"ids": sorted(moved)})
        promote(tx, oa, {row.code for row in free}, by=by)
    return {number for number, (_, holds) in left.items() if not holds}


def _is_reason(row: Row[Any]) -> bool:
    """Whether it is quarantined because of a hold, and not by an operator's guard."""
    return row.reason in {held["why"] for held in row.held.values()}


def _note(tx: Connection, noted: Mapping[int, Mapping[str, Any] | None]) -> None:
    if noted:
        helds = [json.dumps(held) if held else None for held in noted.values()]
        tx.execute(statement(_NOTE), {"ids": column(noted), "helds": column(helds)})
