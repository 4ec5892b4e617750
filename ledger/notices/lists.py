"""Pages of notices for the console: bounded counts, causes, and pages by key, so that none reads a whole table.

The order is that of an index, newest first; a filter is applied on the way. The notices of a unit are few, and are read
by an index of their own: clerks keep such pages open all day. Counts and causes look at the first `MOST` + 1 rows at
most. What a page may cost is bounded by the statement time-out of its connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from domain.lifecycle import State
from ledger.base.streaming import streamed
from ledger.base.units import OF_UNITS_BY_INDEX
from ledger.notices.verbs import CHOSEN, Choice, values_of

MOST = 10_000
PAGE = 50
CAUSES = 50

LISTED_STATES = (State.DEAD, State.UNCERTAIN, State.UNREACHABLE, State.QUARANTINED, State.EXPIRED)
"""The states of notices that an operator may have to look at, each with an index by id."""

_ORDERS: Mapping[State, str] = {State.DUE: "n.lane, n.due_at", State.SENDING: "n.lease_until"}
_BY_ID = "n.id DESC"


@dataclass(frozen=True, slots=True)
class BoundedCount:
    """A number up to `MOST`; `more`: there are more than that."""

    number: int
    more: bool

    @classmethod
    def of(cls, found: int) -> BoundedCount:
        """Of a count that stopped at `MOST` + 1."""
        return cls(min(found, MOST), found > MOST)


def count(tx: Connection, oa: str, state: State, choice: Choice | None = None) -> BoundedCount:
    """How many notices are chosen in this state; one of `LISTED_STATES`, or waiting, due or sending."""
    query = f"""
        SELECT count(*) FROM (
            SELECT FROM notices n WHERE {CHOSEN} ORDER BY {_ORDERS.get(state, _BY_ID)} LIMIT {MOST + 1}) AS first"""
    found = tx.execute(text(query), values_of(tx, oa, state, choice or Choice())).scalar_one()
    return BoundedCount.of(int(found))


_SCHEDULED = f"""
SELECT count(*) FROM (
    SELECT FROM notices n WHERE n.oa = :oa AND n.state = 'due' AND n.due_at > statement_timestamp()
    ORDER BY n.lane, n.due_at LIMIT {MOST + 1}) AS first
"""


def count_scheduled(tx: Connection, oa: str) -> BoundedCount:
    """How many due notices wait for a time in the future: what the schedule in Redis is a copy of."""
    return BoundedCount.of(int(tx.execute(text(_SCHEDULED), {"oa": oa}).scalar_one()))


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """Notices of one cause: the stored reason ('': none), how many, of which kinds and codes; times are UTC."""

    cause: str
    number: int
    kinds: Sequence[str]
    codes: Sequence[int]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list before its rows: how many notices, and by cause, the most frequent first."""

    total: BoundedCount
    causes: Sequence[CauseGroup]


def _notices(choice: Choice) -> str:
    """SQL: what the notices `n` of a choice are read from."""
    return "notices n" if choice.unit is None else OF_UNITS_BY_INDEX


def _summary_of(notices: str) -> str:
    """The total is the group without a cause. Kinds and codes, which are few, become arrays last."""
    return f"""
        SELECT coalesce(reason, '') AS cause, sum(number)::int AS number, array_agg(DISTINCT kind) AS kinds,
               array_remove(array_agg(DISTINCT code_received), NULL) AS codes, min(first_at) AS first_at,
               max(last_at) AS last_at, grouping(coalesce(reason, '')) = 1 AS is_total
        FROM (
            SELECT reason, kind, code_received, count(*) AS number, min(recorded_at) AS first_at,
                   max(recorded_at) AS last_at
            FROM (
                SELECT n.reason, n.kind, n.code_received, n.recorded_at FROM {notices} WHERE {CHOSEN}
                ORDER BY n.id DESC LIMIT {MOST + 1}) AS newest
            GROUP BY reason, kind, code_received) AS sorts
        GROUP BY GROUPING SETS ((coalesce(reason, '')), ())
        ORDER BY is_total DESC, number DESC, cause LIMIT {CAUSES + 1}"""


def summary(tx: Connection, oa: str, state: State, choice: Choice) -> ListSummary:
    """The chosen notices in numbers; causes are those of the newest `MOST` + 1, at most `CAUSES` of them."""
    total, *causes = tx.execute(text(_summary_of(_notices(choice))), values_of(tx, oa, state, choice))
    return ListSummary(BoundedCount.of(total.number or 0), [CauseGroup(*row[:-1]) for row in causes])


@dataclass(frozen=True, slots=True)
class ListedNotice:
    """A notice as a list shows it: its dossier, no words and no person. Times are UTC."""

    id: int
    event_key: str
    dossier: str
    kind: str
    state: str
    unit: str | None
    reason: str | None
    code: int | None
    attempts: int
    channel: str | None
    due_at: datetime
    fresh_at: datetime
    recorded_at: datetime


_COLUMNS = """
    n.id, n.event_key, n.code AS dossier, n.kind, n.state, n.unit, n.reason, n.code_received, n.attempts, n.channel,
    n.due_at, n.fresh_at, n.recorded_at"""


def _page_of(notices: str) -> str:
    """The ids come from the index alone; only the rows of the page are read."""
    return f"""
        SELECT {_COLUMNS} FROM (
            SELECT n.id FROM {notices} WHERE {CHOSEN} AND (CAST(:after AS bigint) IS NULL OR n.id < :after)
            ORDER BY n.id DESC LIMIT :limit) AS chosen
        JOIN notices n ON n.id = chosen.id ORDER BY n.id DESC"""


def page(
    tx: Connection, oa: str, state: State, choice: Choice, *, after: int | None = None, limit: int = PAGE
) -> tuple[list[ListedNotice], int | None]:
    """One page of the chosen notices, newest first, after the notice `after`; and the mark of the next page, if any."""
    values = {**values_of(tx, oa, state, choice), "after": after, "limit": limit + 1}
    found = [ListedNotice(*row) for row in tx.execute(text(_page_of(_notices(choice))), values)]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def _unreachable_of(notices: str) -> str:
    return f"""
        SELECT n.code, n.unit, n.kind, n.reason, n.fresh_at, n.recorded_at, n.phone_seen, p.phone_sealed
        FROM {notices}
        LEFT JOIN LATERAL (SELECT phone_sealed FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
        WHERE {CHOSEN} ORDER BY n.id DESC"""


def each_unreachable(tx: Connection, oa: str, choice: Choice) -> Iterator[dict[str, Any]]:
    """The chosen unreachable notices, newest first, with the phone of each as it is stored, sealed, and masked.

    Rows are fetched by the page, while the transaction lasts.
    """
    values = values_of(tx, oa, State.UNREACHABLE, choice)
    yield from (dict(row) for row in streamed(tx, _unreachable_of(_notices(choice)), values).mappings())


def one(tx: Connection, notice: int) -> tuple[str, ListedNotice] | None:
    """The OA and the row of one notice."""
    row = tx.execute(text(f"SELECT n.oa, {_COLUMNS} FROM notices n WHERE n.id = :id"), {"id": notice}).one_or_none()
    return (row[0], ListedNotice(*row[1:])) if row else None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The oldest notice that could leave now, and the oldest that waits for an earlier one (UTC); None: there is none.

    `read_at` is the ledger's clock.
    """

    due_at: datetime | None
    waiting_since: datetime | None
    read_at: datetime


_BACKLOG = """
SELECT (SELECT min(first.due_at) FROM unnest(CAST('{0,1,2}' AS smallint[])) AS l (lane) CROSS JOIN LATERAL (
            SELECT n.due_at FROM notices n
            WHERE n.oa = :oa AND n.state = 'due' AND n.lane = l.lane AND n.due_at <= statement_timestamp()
            ORDER BY n.due_at LIMIT 1) AS first) AS due_at,
       (SELECT n.fresh_at FROM notices n WHERE n.oa = :oa AND n.state = 'waiting'
        ORDER BY n.fresh_at, n.id LIMIT 1) AS waiting_since,
       statement_timestamp() AS read_at
"""


def backlog(tx: Connection, oa: str) -> Backlog:
    """How old the work at hand of an OA is."""
    return Backlog(*tx.execute(text(_BACKLOG), {"oa": oa}).one())
