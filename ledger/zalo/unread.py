"""Zalo events that could not be read or applied: they stay sealed, and are tried again.

The key or the word of an event may be newer than the process that met it. Another process can read it, or this one
once it has the key or the newer code.

    a reader of this ability never tried it    → now
    this ability tried it three times          → set aside: listed for an operator, and left to other abilities
    its last try took too long, or did not end → a minute later
    else                                       → once after each start
    30 days after it came                      → erased, with its row of the inbox

A try is counted before it is made, so that an event that kills its process is counted as well. Each ability counts its
own tries, so that an old worker uses up none of a new one's. Later events do not wait: an event has its own time, and
does not affect newer facts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from ledger.zalo.inbox import KEPT_DAYS, Unapplied

TRIES = 3

UNFINISHED = "Unfinished"
"""The fault of an event while it is tried, and of one whose process died during the try."""

PASSING = (UNFINISHED, "QueryCanceled", "LockNotAvailable", "DeadlockDetected", "SerializationFailure")
"""Faults caused by the moment rather than by the event: such an event is tried again without a new start."""

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class EventReader:
    """A reader: its ability (a hash of its code and its keys), and its start time.

    `began` is monotonic: a forked process has the start of its parent.
    """

    ability: str
    began: float

    @property
    def values(self) -> dict[str, Any]:
        """The bind parameters of `OFFERED`. The ledger's clock counts, so the start is passed as an age in seconds."""
        return {
            "ability": self.ability,
            "age": time.monotonic() - self.began,
            "tries": TRIES,
            "passing": list(PASSING),
            "minute": _MINUTE,
        }


OFFERED = """
    NOT EXISTS (
        SELECT FROM unread_tries t WHERE t.event_id = u.event_id AND t.ability = :ability
          AND (t.faults >= :tries
               OR t.at >= clock_timestamp() - make_interval(secs => CASE
                  WHEN u.fault = ANY(CAST(:passing AS text[])) THEN least(:age, :minute) ELSE :age END)))"""
"""True where the event `u` is to be tried by this reader (`EventReader.values`)."""

_UNTRIED = "NOT EXISTS (SELECT FROM unread_tries t WHERE t.event_id = u.event_id AND t.ability = :ability)"


def offered(tx: Connection, oa: str, reader: EventReader, *, limit: int, tried: bool) -> list[Unapplied]:
    """The oldest events for this reader, in the order of arrival: those it tried before (`tried`), or the others."""
    wanted = f"{OFFERED} AND NOT {_UNTRIED}" if tried else _UNTRIED
    query = text(f"""
        SELECT e.id, e.name, e.word, e.at, u.sealed FROM unread_events u JOIN zalo_events e ON e.id = u.event_id
        WHERE u.oa = :oa AND {wanted} ORDER BY u.event_id LIMIT :limit""")
    rows = tx.execute(query, {"oa": oa, "limit": limit, **reader.values})
    return [Unapplied(row.id, row.name, row.word, row.at, bytes(row.sealed)) for row in rows]


_KEEP = """
WITH failed AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:faults AS text[])) AS w (id, fault)),
put AS (
    UPDATE zalo_events e SET applied_at = clock_timestamp(), sealed = NULL, fault = f.fault
    FROM failed f WHERE e.id = f.id
),
kept AS (
    INSERT INTO unread_events (event_id, oa, received_at, sealed, fault)
    SELECT e.id, e.oa, e.received_at, e.sealed, f.fault FROM failed f JOIN zalo_events e ON e.id = f.id
    WHERE e.sealed IS NOT NULL
)
UPDATE unread_events u SET fault = f.fault FROM failed f WHERE u.event_id = f.id
"""
_COUNT = """
INSERT INTO unread_tries (event_id, ability, faults, at)
SELECT id, :ability, 1, clock_timestamp() FROM unnest(CAST(:ids AS bigint[])) AS w (id)
ON CONFLICT (event_id, ability) DO UPDATE SET faults = unread_tries.faults + 1, at = EXCLUDED.at
"""
_SET_ASIDE = """
UPDATE unread_events u SET set_aside_at = clock_timestamp()
WHERE u.event_id = ANY(:ids) AND u.set_aside_at IS NULL AND EXISTS (
    SELECT FROM unread_tries t WHERE t.event_id = u.event_id AND t.faults >= :tries)
RETURNING u.event_id
"""


def keep(tx: Connection, faults: Mapping[int, str], reader: EventReader) -> set[int]:
    """Keep events that this reader could not read or apply, still sealed; `faults` has the type of the fault by id.

    Returns the ids that this call sets aside.
    """
    if not faults:
        return set()
    ids = sorted(faults)
    tx.execute(text(_KEEP), {"ids": ids, "faults": [faults[number] for number in ids]})
    tx.execute(text(_COUNT), {"ids": ids, "ability": reader.ability})
    return set(tx.execute(text(_SET_ASIDE), {"ids": ids, "tries": TRIES}).scalars())


def begin(tx: Connection, event: int, reader: EventReader) -> bool | None:
    """Count a try before it is made; None where another process was faster, else whether it is the last try."""
    query = text(f"""
        SELECT FROM zalo_events e WHERE e.id = :event AND (e.applied_at IS NULL OR EXISTS (
            SELECT FROM unread_events u WHERE u.event_id = e.id AND {OFFERED})) FOR UPDATE""")
    if tx.execute(query, {"event": event, **reader.values}).first() is None:
        return None
    return event in keep(tx, {event: UNFINISHED}, reader)


def failed(tx: Connection, event: int, fault: str) -> None:
    """Record the type of the fault that ended a try; the try is counted already."""
    query = text("""
        WITH told AS (UPDATE unread_events SET fault = :fault WHERE event_id = :event)
        UPDATE zalo_events SET fault = :fault WHERE id = :event""")
    tx.execute(query, {"event": event, "fault": fault})


_LISTED = f"""
SELECT e.id, e.name, e.word, e.at, u.received_at, u.fault, t.faults, t.tried_at, u.set_aside_at,
       u.received_at + make_interval(days => {KEPT_DAYS}) AS erased_at
FROM unread_events u JOIN zalo_events e ON e.id = u.event_id CROSS JOIN LATERAL (
    SELECT coalesce(sum(faults), 0) AS faults, max(t.at) AS tried_at FROM unread_tries t WHERE t.event_id = u.event_id
) AS t
WHERE u.oa = :oa ORDER BY u.event_id LIMIT CAST(:limit AS bigint)
"""


def listed(tx: Connection, oa: str, *, limit: int | None = None) -> list[dict[str, Any]]:
    """Every unread event, oldest first: what it is and why it is here, but none of its content."""
    return [dict(row) for row in tx.execute(text(_LISTED), {"oa": oa, "limit": limit}).mappings()]


def count(tx: Connection, oa: str) -> tuple[int, int]:
    """How many are kept, and how many of these are set aside."""
    query = text("SELECT count(*) AS kept, count(set_aside_at) AS aside FROM unread_events WHERE oa = :oa")
    row = tx.execute(query, {"oa": oa}).one()
    return row.kept, row.aside


_CHOSEN = "u.oa = :oa AND (CAST(:ids AS bigint[]) IS NULL OR u.event_id = ANY(CAST(:ids AS bigint[])))"


def forgive(tx: Connection, oa: str, ids: Sequence[int] | None) -> int:
    """Let every reader try these again (None: all), as if no try had been made; returns how many."""
    values = {"oa": oa, "ids": None if ids is None else list(ids)}
    tries = f"DELETE FROM unread_tries t USING unread_events u WHERE u.event_id = t.event_id AND {_CHOSEN}"
    tx.execute(text(tries), values)
    return tx.execute(text(f"UPDATE unread_events u SET set_aside_at = NULL WHERE {_CHOSEN}"), values).rowcount


def drop(tx: Connection, oa: str, ids: Sequence[int] | None) -> int:
    """Erase these (None: all); returns how many. Their rows in the inbox stay, so that a repeated one is recognised."""
    values = {"oa": oa, "ids": None if ids is None else list(ids)}
    return tx.execute(text(f"DELETE FROM unread_events u WHERE {_CHOSEN}"), values).rowcount


def applied(tx: Connection, ids: Sequence[int]) -> None:
    """Erase events that were finally read, with their personal data; the caller also calls `inbox.applied`."""
    tx.execute(text("DELETE FROM unread_events WHERE event_id = ANY(:ids)"), {"ids": list(ids)})
