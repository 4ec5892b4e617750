"""What operators do to notices: dead and expired ones tried again, dead ones dropped, uncertain ones settled.

Many at once are an act (`acts`) and go in pages, a short transaction each: what is done stays done if the command is
cut short, and the workers are never held up by a long lock. A page begins after the last id of the one before, so that
a notice that dies again meanwhile is not taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from worker.domain.lane import Lane
from worker.domain.lifecycle import TOLD, State
from worker.ledger import acts
from worker.ledger.acts import Act
from worker.ledger.moves import move_found
from worker.ledger.notices import promote
from worker.ledger.order import place

PAGE = 500  # notices a transaction


@dataclass(frozen=True, slots=True)
class Choice:
    """Which notices of a state are meant; what is None does not narrow it."""

    ids: Sequence[int] | None = None
    kind: str | None = None
    reason: str | None = None  # a part of the reason, upper or lower case
    code: int | None = None  # the last code that the channel answered
    unit: str | None = None  # this unit and those below it
    since: datetime | None = None  # the event's own time (UTC), itself included …
    until: datetime | None = None  # … and before this


HAPPENED_AT = "COALESCE(n.happened_at, n.event_at)"
"""When the event of the notice `n` happened, by the source's columns; by its order where these have no time for it."""

_CHOSEN = f"""
    n.oa = :oa AND n.state = CAST(:state AS text)
    AND (CAST(:ids AS bigint[]) IS NULL OR n.id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:kind AS text) IS NULL OR n.kind = :kind)
    AND (CAST(:reason AS text) IS NULL OR strpos(lower(n.reason), lower(:reason)) > 0)
    AND (CAST(:code AS int) IS NULL OR n.code_received = :code)
    AND (CAST(:unit AS text) IS NULL OR n.unit = :unit OR starts_with(n.unit, :unit || '.'))
    AND (CAST(:since AS timestamptz) IS NULL OR {HAPPENED_AT} >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR {HAPPENED_AT} < :until)"""

_LISTED = f"""
SELECT n.id, n.event_key, n.kind, n.state, n.reason, n.code_received AS code, n.attempts, n.due_at,
       EXTRACT(EPOCH FROM clock_timestamp() - n.fresh_at)::float8 AS age_seconds
FROM notices n WHERE {_CHOSEN} ORDER BY n.id LIMIT CAST(:limit AS bigint)
"""


def listed(tx: Connection, oa: str, state: State, choice: Choice, *, limit: int | None = None) -> list[dict[str, Any]]:
    """The chosen notices, oldest first, in the shape of `hcc dead list --json`."""
    rows = tx.execute(text(_LISTED), {**_values(oa, state, choice), "limit": limit})
    return [dict(row) for row in rows.mappings()]


def count(tx: Connection, oa: str, state: State, choice: Choice) -> int:
    """How many notices are chosen."""
    query = text(f"SELECT count(*) FROM notices n WHERE {_CHOSEN}")
    return int(tx.execute(query, _values(oa, state, choice)).scalar_one())


_GROUPS = f"""
SELECT n.kind, n.reason, n.unit, count(*) AS number, min({HAPPENED_AT}) AS first, max({HAPPENED_AT}) AS last
FROM notices n WHERE {_CHOSEN} GROUP BY n.kind, n.reason, n.unit ORDER BY number DESC, n.kind, n.unit LIMIT :limit
"""


def groups(tx: Connection, oa: str, state: State, choice: Choice, *, limit: int) -> list[dict[str, Any]]:
    """The chosen notices by kind, reason and unit: how many, and when the first and the last event happened."""
    rows = tx.execute(text(_GROUPS), {**_values(oa, state, choice), "limit": limit})
    return [dict(row) for row in rows.mappings()]


def states(tx: Connection, oa: str, ids: Sequence[int]) -> dict[int, str]:
    """The states of these notices; one that the ledger does not know is missing."""
    query = text("SELECT id, state FROM notices WHERE oa = :oa AND id = ANY(CAST(:ids AS bigint[]))")
    return {row.id: row.state for row in tx.execute(query, {"oa": oa, "ids": list(ids)})}


@dataclass(frozen=True, slots=True)
class Deed:
    """One verb: its name, the arrow that it follows, and what else belongs in the transaction of each page.

    `in_order`: what a later notice of its dossier has overtaken is suppressed, since told now it would be out of order.
    """

    verb: str
    before: State
    after: State
    also: Callable[[Connection, str, set[int], str], None] | None = None
    in_order: bool = False


# The locks are taken in the order of the ids, so that two operators wait for each other and never in a circle. Of the
# same dossiers what could be claimed is locked, too: a claim passes it by, or is over before we look what was told.
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


def begin(tx: Connection, oa: str, deed: Deed, choice: Choice, *, by: str, why: str) -> Act:
    """Count what is chosen, and write down who wants what done to it and why."""
    return acts.begin(tx, oa, deed.verb, _CHOSEN, _values(oa, deed.before, choice), by=by, why=why)


def unfinished(tx: Connection, oa: str, deed: Deed, choice: Choice) -> Act | None:
    """An act of the same verb and filter that was broken off."""
    return acts.unfinished(tx, oa, deed.verb, _values(oa, deed.before, choice))


def carry_out(
    ledger: Engine, oa: str, deed: Deed, choice: Choice, *, by: str, why: str, page: int = PAGE
) -> Iterator[set[int]]:
    """Do it to all that are chosen; gives the ids of each page once it is committed.

    Some of them may be suppressed instead of due: overtaken by a later notice, or no longer true.
    """
    with ledger.begin() as tx:
        act = begin(tx, oa, deed, choice, by=by, why=why)
    yield from go_on(ledger, act.id, page=page)


def go_on(ledger: Engine, number: int, *, page: int = PAGE) -> Iterator[set[int]]:
    """Go on with an act to its end, or until somebody stops it; as `carry_out`."""
    while True:
        with ledger.begin() as tx:
            act = acts.read(tx, number, lock=True)
            if act is None or not act.open:
                return
            ids = acts.next_page(tx, act, page)
            if not ids:
                acts.end(tx, act)
                return
            deed = DEEDS[act.verb]
            meant = acts.of_these_dossiers(tx, act, ids) if deed.in_order else ids
            moved = _do(tx, act.oa, deed, meant, by=act.by, why=act.why)
            acts.note(tx, act, moved=len(moved), last_id=ids[-1])
        yield moved


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
    """A retried notice is as patient as a new one: an operator wants it told, however old the event is.

    It goes behind the notices of today, so that a replay of thousands delays none. What was tried before stays in
    the table of attempts and in history.
    """
    query = text("""
        UPDATE notices SET attempts = 0, fresh_at = clock_timestamp(), lane = :bulk, said_no = '{}'
        WHERE id = ANY(:ids)""")
    tx.execute(query, {"ids": sorted(moved), "bulk": Lane.BULK})


def _let_the_next_go(tx: Connection, oa: str, moved: set[int], by: str) -> None:
    """An uncertain notice held back the later ones of its dossier."""
    codes = tx.execute(text("SELECT DISTINCT code FROM notices WHERE id = ANY(:ids)"), {"ids": sorted(moved)})
    promote(tx, oa, set(codes.scalars()), by=by)


def _values(oa: str, state: State, choice: Choice) -> dict[str, Any]:
    values: dict[str, Any] = asdict(choice)
    return {**values, "oa": oa, "state": state.value}


def _release(tx: Connection, oa: str, moved: set[int], by: str) -> None:
    """What is released is told as if it were new, behind the notices of today."""
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
