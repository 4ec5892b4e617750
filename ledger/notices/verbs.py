"""Operators' verbs on notices: retry dead and expired ones, discard dead ones, settle uncertain ones.

A bulk verb is an act (`acts`) and runs in pages, a short transaction each: finished pages stay done if the command is
cut short, and no long lock stops the workers. A page begins after the last id of the page before, so a notice that dies
again meanwhile is not taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from domain.lane import Lane
from domain.lifecycle import TOLD, State
from ledger.base import units
from ledger.base.audit import audit
from ledger.base.units import OF_UNITS
from ledger.notices.moves import move_found
from ledger.notices.notices import promote
from ledger.notices.order import place
from ledger.reports import acts
from ledger.reports.acts import Act

PAGE = 500  # notices a transaction


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter on the notices of a state; a field that is None does not narrow it."""

    ids: Sequence[int] | None = None
    kind: str | None = None
    reason: str | None = None  # a part of the reason, case-insensitive
    code: int | None = None  # the last code that the channel returned
    unit: str | None = None  # this unit with its sub-units and all their predecessors
    since: datetime | None = None  # the event's own time (UTC), itself included …
    until: datetime | None = None  # … and before this
    cause: str | None = None  # exactly this reason; '': none
    upto: int | None = None  # no notice recorded after this one
    as_of: datetime | None = None  # only notices that have been in this state since then (UTC)


HAPPENED_AT = "COALESCE(n.happened_at, n.event_at)"
"""When the event of the notice `n` happened, by the source's columns; without such a time, by its order."""

CHOSEN = f"""
    n.oa = :oa AND n.state = CAST(:state AS text)
    AND (CAST(:ids AS bigint[]) IS NULL OR n.id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:kind AS text) IS NULL OR n.kind = :kind)
    AND (CAST(:reason AS text) IS NULL OR strpos(lower(n.reason), lower(:reason)) > 0)
    AND (CAST(:code AS int) IS NULL OR n.code_received = :code)
    AND {OF_UNITS}
    AND (CAST(:since AS timestamptz) IS NULL OR {HAPPENED_AT} >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR {HAPPENED_AT} < :until)
    AND (CAST(:cause AS text) IS NULL OR coalesce(n.reason, '') = :cause)
    AND (CAST(:upto AS bigint) IS NULL OR n.id <= :upto)
    AND (CAST(:as_of AS timestamptz) IS NULL OR NOT EXISTS (
        SELECT FROM history h WHERE h.notice_id = n.id AND h.after = n.state AND h.at > :as_of OFFSET 0))"""
"""The notices `n` of a choice, with the values of `values_of`."""

_LISTED = f"""
SELECT n.id, n.event_key, n.kind, n.state, n.reason, n.code_received AS code, n.attempts, n.due_at,
       EXTRACT(EPOCH FROM clock_timestamp() - n.fresh_at)::float8 AS age_seconds
FROM notices n WHERE {CHOSEN} ORDER BY n.id LIMIT CAST(:limit AS bigint)
"""


def listed(tx: Connection, oa: str, state: State, choice: Choice, *, limit: int | None = None) -> list[dict[str, Any]]:
    """The chosen notices, oldest first, in the shape of `hcc dead list --json`."""
    rows = tx.execute(text(_LISTED), {**values_of(tx, oa, state, choice), "limit": limit})
    return [dict(row) for row in rows.mappings()]


def count(tx: Connection, oa: str, state: State, choice: Choice) -> int:
    """How many notices are chosen."""
    query = text(f"SELECT count(*) FROM notices n WHERE {CHOSEN}")
    return int(tx.execute(query, values_of(tx, oa, state, choice)).scalar_one())


_GROUPS = f"""
SELECT n.kind, n.reason, n.unit, count(*) AS number, min({HAPPENED_AT}) AS first, max({HAPPENED_AT}) AS last
FROM notices n WHERE {CHOSEN} GROUP BY n.kind, n.reason, n.unit ORDER BY number DESC, n.kind, n.unit LIMIT :limit
"""


def groups(tx: Connection, oa: str, state: State, choice: Choice, *, limit: int) -> list[dict[str, Any]]:
    """The chosen notices by kind, reason and unit: their number, and the times of the first and the last event."""
    rows = tx.execute(text(_GROUPS), {**values_of(tx, oa, state, choice), "limit": limit})
    return [dict(row) for row in rows.mappings()]


def states(tx: Connection, oa: str, ids: Sequence[int]) -> dict[int, str]:
    """The states of these notices; an id that the ledger does not know is missing."""
    query = text("SELECT id, state FROM notices WHERE oa = :oa AND id = ANY(CAST(:ids AS bigint[]))")
    return {row.id: row.state for row in tx.execute(query, {"oa": oa, "ids": list(ids)})}


_LAST_STEP = """
SELECT at, before, after, why, by FROM history WHERE notice_id = :id ORDER BY at DESC, id DESC LIMIT 1
"""


def last_step(tx: Connection, notice: int) -> dict[str, Any] | None:
    """The newest move of a notice: at (UTC), before, after, why, by."""
    row = tx.execute(text(_LAST_STEP), {"id": notice}).mappings().one_or_none()
    return dict(row) if row else None


@dataclass(frozen=True, slots=True)
class Deed:
    """One verb: its name, its arrow, and the further work in the transaction of each page.

    `in_order`: a notice that a later one of its dossier has overtaken is suppressed, since it would be out of order.
    """

    verb: str
    before: State
    after: State
    also: Callable[[Connection, str, set[int], str], None] | None = None
    in_order: bool = False


# Locks are taken in id order, so that two operators never deadlock. Claimable notices of the same dossiers are locked,
# too: a claim skips them, or has ended before we look at what was told.
_LOCK = """
SELECT n.id FROM notices n
WHERE n.id = ANY(CAST(:ids AS bigint[]))
   OR n.oa = :oa AND n.code = ANY(CAST(:codes AS text[])) AND n.state IN ('waiting', 'due')
ORDER BY n.id FOR UPDATE OF n
"""
_FOUND = """
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.state = :before"""

_TOLD = ", ".join(f"'{state}'" for state in sorted(TOLD))
OVERTAKEN = f"""{_FOUND} AND EXISTS (
    SELECT FROM notices_ever later WHERE later.oa = n.oa AND later.code = n.code AND later.state IN ({_TOLD})
      AND {place("later")} > {place("n")})"""


def begin(
    tx: Connection, oa: str, deed: Deed, choice: Choice, *, by: str, why: str, in_background: bool = False
) -> Act:
    """Count the chosen notices, and record the act with its operator and reason.

    `in_background`: the sweep of the workers carries it on from the commit of this transaction.
    """
    values = values_of(tx, oa, deed.before, choice)
    return acts.begin(tx, oa, deed.verb, CHOSEN, values, by=by, why=why, in_background=in_background)


def unfinished(tx: Connection, oa: str, deed: Deed, choice: Choice, *, by: str, why: str) -> Act | None:
    """An interrupted act of the same verb and filter, operator and reason."""
    return acts.unfinished(tx, oa, deed.verb, values_of(tx, oa, deed.before, choice), by=by, why=why)


def carry_out(
    ledger: Engine, oa: str, deed: Deed, choice: Choice, *, by: str, why: str, page: int = PAGE
) -> Iterator[set[int]]:
    """Carry out a verb on all chosen notices; yields the ids of each page after its commit.

    Some of them may become suppressed instead of due: overtaken by a later notice, or no longer true.
    """
    with ledger.begin() as tx:
        act = begin(tx, oa, deed, choice, by=by, why=why)
    yield from go_on(ledger, act.id, page=page)


def go_on(ledger: Engine, number: int, *, page: int = PAGE) -> Iterator[set[int]]:
    """Continue an act to its end, or until an operator stops it; yields as `carry_out`."""
    while True:
        with ledger.begin() as tx:
            act = acts.read(tx, number, lock=True)
            moved = next_page(tx, act, page=page) if act is not None and act.open else None
        if moved is None:
            return
        yield moved


def next_page(tx: Connection, act: Act, *, page: int = PAGE) -> set[int] | None:
    """Carry out one page of an act that this transaction has locked; None once nothing is left, which ends the act.

    Its first page records the act in the audit: once, with its number of notices.
    """
    ids = acts.next_page(tx, act, page)
    if not ids:
        acts.end(tx, act)
        return None
    if act.last_id == 0:
        audit(tx, act.oa, act.verb, f"act {act.id}: {act.total} notices", by=act.by, why=act.why)
    deed = DEEDS[act.verb]
    meant = acts.of_these_dossiers(tx, act, ids) if deed.in_order else ids
    moved = _do(tx, act.oa, deed, meant, by=act.by, why=act.why)
    acts.note(tx, act, meant, moved=len(moved), last_id=ids[-1])
    return moved


def do_one(tx: Connection, oa: str, deed: Deed, notice: int, *, by: str, why: str) -> bool:
    """Carry out a verb on one notice, as an act, in this transaction; False where it is in another state by now."""
    act = begin(tx, oa, deed, Choice(ids=[notice]), by=by, why=why)
    if act.total == 0:
        acts.forget(tx, act)
        return False
    moved = next_page(tx, act)
    acts.end(tx, act)
    return bool(moved)


_CODES = "SELECT DISTINCT code FROM notices WHERE id = ANY(CAST(:ids AS bigint[])) AND state = :before ORDER BY code"


def _do(tx: Connection, oa: str, deed: Deed, ids: Sequence[int], *, by: str, why: str) -> set[int]:
    codes = list(tx.execute(text(_CODES), {"ids": ids, "before": deed.before}).scalars()) if deed.in_order else []
    tx.execute(text(_LOCK), {"oa": oa, "ids": ids, "codes": codes})
    overtaken: set[int] = set()
    if deed.in_order:
        because = "a later notice of this dossier was told already"
        overtaken = move_found(tx, deed.before, State.SUPPRESSED, OVERTAKEN, by=by, why=because, ids=ids)
    moved = move_found(tx, deed.before, deed.after, _FOUND, by=by, why=why, ids=ids)
    if moved and deed.also:
        deed.also(tx, oa, moved, by)
    return overtaken | moved


def _begin_afresh(tx: Connection, _oa: str, moved: set[int], _by: str) -> None:
    """A retried notice gets the patience of a new one: an operator wants it told, however old the event is.

    It goes behind today's notices, so that a replay of thousands delays none. Earlier tries stay in the table of
    attempts and in history.
    """
    query = text("""
        UPDATE notices SET attempts = 0, fresh_at = clock_timestamp(), lane = :bulk, said_no = '{}'
        WHERE id = ANY(:ids)""")
    tx.execute(query, {"ids": sorted(moved), "bulk": Lane.BULK})


def _let_the_next_go(tx: Connection, oa: str, moved: set[int], by: str) -> None:
    """An uncertain notice blocked the later ones of its dossier: promote them."""
    codes = tx.execute(text("SELECT DISTINCT code FROM notices WHERE id = ANY(:ids)"), {"ids": sorted(moved)})
    promote(tx, oa, set(codes.scalars()), by=by)


def values_of(tx: Connection, oa: str, state: State, choice: Choice) -> dict[str, Any]:
    """The parameters of `CHOSEN`."""
    values: dict[str, Any] = asdict(choice)
    return {**values, "units": units.meant(tx, oa, choice.unit), "oa": oa, "state": state.value}


def _release(tx: Connection, oa: str, moved: set[int], by: str) -> None:
    """Released notices count as new, behind today's notices."""
    _begin_afresh(tx, oa, moved, by)
    _let_the_next_go(tx, oa, moved, by)


RELEASE = Deed("quarantine release", State.QUARANTINED, State.WAITING, _release, in_order=True)
DROP = Deed("quarantine discard", State.QUARANTINED, State.DISCARDED)
RETRY = Deed("dead retry", State.DEAD, State.DUE, _begin_afresh, in_order=True)
RETRY_EXPIRED = Deed("expired retry", State.EXPIRED, State.DUE, _begin_afresh, in_order=True)
DISCARD = Deed("dead discard", State.DEAD, State.DISCARDED)
SETTLE = {
    "sent": Deed("uncertain settle sent", State.UNCERTAIN, State.SENT, _let_the_next_go),
    "not-sent": Deed("uncertain settle not-sent", State.UNCERTAIN, State.DUE, _let_the_next_go),
}
DEEDS = {deed.verb: deed for deed in (RELEASE, DROP, RETRY, RETRY_EXPIRED, DISCARD, *SETTLE.values())}
"""By the name under which its acts are stored."""
