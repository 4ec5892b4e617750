"""The inbox of Zalo's events: recorded in batches before Zalo gets its 200, and applied in order afterwards.

Personal data in an event (who, which phone, which words) is sealed, and erased once the event is applied; that of an
event that cannot be read or applied moves to `unread`. The row stays for a while: its key makes a repeated event
harmless. Its id is its place: of two events with the same time, the one with the later place counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from ledger.base.clock import EARLIER, host_now

KEPT_DAYS = 30
"""How long an event is remembered, so that a repeated one is recognised; and how long an unreadable one is kept."""

PURGED_AT_ONCE = 1000
"""Events that one transaction deletes."""


@dataclass(frozen=True, slots=True)
class NewZaloEvent:
    """An event about to be recorded; `sealed` is None where only its arrival matters."""

    key: bytes
    name: str
    word: str
    at: datetime
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A recorded event that is still to be applied."""

    id: int
    name: str
    word: str
    at: datetime
    sealed: bytes = field(repr=False)


# Numbered in the order of arrival, but inserted in the order of their keys, so that two processes never deadlock. An
# identity column would number them in the order of the inserts.
_RECORD = """
WITH came AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('zalo_events', 'id')) AS id, w.*
    FROM (
        SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:names AS text[]), CAST(:words AS text[]),
                             CAST(:ats AS timestamptz[]), CAST(:sealed AS bytea[]))
        WITH ORDINALITY AS t (key, name, word, at, sealed, place) ORDER BY place
    ) AS w
)
INSERT INTO zalo_events (id, oa, key, name, word, at, received_at, sealed, applied_at) OVERRIDING SYSTEM VALUE
SELECT id, :oa, key, name, word, at, clock_timestamp(), sealed, CASE WHEN sealed IS NULL THEN clock_timestamp() END
FROM came ORDER BY key
ON CONFLICT ON CONSTRAINT zalo_events_oa_key DO NOTHING
RETURNING key
"""


def record(tx: Connection, oa: str, events: Sequence[NewZaloEvent]) -> set[bytes]:
    """Record events in one statement, in the order of arrival; returns the keys that were not known before."""
    rows = tx.execute(
        text(_RECORD),
        {
            "oa": oa,
            "keys": [e.key for e in events],
            "names": [e.name for e in events],
            "words": [e.word for e in events],
            "ats": [e.at for e in events],
            "sealed": [e.sealed for e in events],
        },
    )
    return {bytes(key) for key in rows.scalars()}


def take_turn(tx: Connection, oa: str) -> bool:
    """Whether this transaction is the one that applies events now: one at a time, to keep the order."""
    turn = text("SELECT pg_try_advisory_xact_lock(hashtextextended('zalo events of ' || :oa, 0))")
    return bool(tx.execute(turn, {"oa": oa}).scalar_one())


def unapplied(tx: Connection, oa: str, *, limit: int) -> list[Unapplied]:
    """The oldest unapplied events, in the order of arrival."""
    query = text("""
        SELECT id, name, word, at, sealed FROM zalo_events
        WHERE oa = :oa AND applied_at IS NULL ORDER BY id LIMIT :limit""")
    rows = tx.execute(query, {"oa": oa, "limit": limit})
    return [Unapplied(row.id, row.name, row.word, row.at, bytes(row.sealed)) for row in rows]


def applied(tx: Connection, ids: Sequence[int]) -> None:
    """Mark events as applied, and erase their personal data."""
    query = text("""
        UPDATE zalo_events SET applied_at = clock_timestamp(), sealed = NULL, fault = NULL WHERE id = ANY(:ids)""")
    tx.execute(query, {"ids": list(ids)})


def purge(tx: Connection) -> int:
    """Delete events too old by two clocks, including those that nobody could read; no event that old is accepted.

    Nothing waits for it, so it is housekeeping, not part of applying. Returns how many it deleted, at most a thousand.
    """
    query = text(f"""
        DELETE FROM zalo_events WHERE id IN (
            SELECT id FROM (SELECT id, received_at, applied_at FROM zalo_events ORDER BY id LIMIT :limit) AS oldest
            WHERE applied_at IS NOT NULL AND received_at < {EARLIER} - make_interval(days => :days))""")
    return tx.execute(query, {"limit": PURGED_AT_ONCE, "days": KEPT_DAYS, **host_now()}).rowcount


@dataclass(frozen=True, slots=True)
class InboxState:
    """The state of the inbox, for `hcc doctor`."""

    newest: datetime | None
    waiting: int
    unknown: list[str]  # recent event names that we have no word for
    odd: int  # recent events that were not in the documented shape or could not be applied


def state(tx: Connection, oa: str) -> InboxState:
    """The newest event, how many wait, and the oddities of the last thousand."""
    query = text("""
        WITH lately AS (
            SELECT name, word, fault, received_at FROM zalo_events WHERE oa = :oa ORDER BY id DESC LIMIT 1000)
        SELECT max(received_at) AS newest,
               (SELECT count(*) FROM zalo_events WHERE oa = :oa AND applied_at IS NULL) AS waiting,
               array_agg(DISTINCT name) FILTER (WHERE word = 'unknown') AS unknown,
               count(*) FILTER (WHERE word = 'odd' OR fault IS NOT NULL) AS odd
        FROM lately""")
    row = tx.execute(query, {"oa": oa}).one()
    return InboxState(row.newest, row.waiting, sorted(row.unknown or []), row.odd)
