"""Which database the cursors of an OA belong to, and whether its first start is over."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from ledger.base.statements import statement


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """`identity`: the noted database; `strange`: another one that was found and is not read; the producers' own JSON.

    `free_since` (UTC): events since then are not judged by the guard, until the first start is over.
    `as_baseline`: an operator had the database adopted so that its present events are told to nobody.
    """

    identity: Mapping[str, Any] | None = None
    noted_at: datetime | None = None
    strange: Mapping[str, Any] | None = None
    strange_at: datetime | None = None
    as_baseline: bool = False
    free_since: datetime | None = None


def read(tx: Connection, oa: str) -> SourceRecord:
    """The record of an OA's source; empty before its first round."""
    query = statement("""
        SELECT identity, noted_at, strange, strange_at, as_baseline,
               CASE WHEN settled_at IS NULL THEN started_at END AS free_since
        FROM sources WHERE oa = :oa""")
    row = tx.execute(query, {"oa": oa}).one_or_none()
    return SourceRecord(*row) if row else SourceRecord()


def begin(tx: Connection, oa: str, now: datetime) -> None:
    """Begin a first start; an adopted source has none."""
    query = text("""
        INSERT INTO sources (oa, started_at) VALUES (:oa, :now)
        ON CONFLICT (oa) DO UPDATE SET started_at = EXCLUDED.started_at
        WHERE sources.started_at IS NULL AND NOT sources.as_baseline""")
    tx.execute(query, {"oa": oa, "now": now})


_READ = """
UPDATE sources SET read = ARRAY(SELECT DISTINCT unnest(read || CAST(:read AS text[])) ORDER BY 1),
       settled_at = CASE WHEN CAST(:feeds AS text[]) <@ (read || CAST(:read AS text[])) THEN clock_timestamp() END
WHERE oa = :oa AND started_at IS NOT NULL AND settled_at IS NULL
  AND (NOT CAST(:read AS text[]) <@ read OR CAST(:feeds AS text[]) <@ (read || CAST(:read AS text[])))
"""


def note_read(tx: Connection, oa: str, read_to_end: Collection[str], feeds: Collection[str]) -> None:
    """Note that these feeds were read to their ends; the first start is over once each of `feeds` was."""
    tx.execute(statement(_READ), {"oa": oa, "read": sorted(read_to_end), "feeds": sorted(feeds)})


def note(tx: Connection, oa: str, identity: Mapping[str, Any]) -> None:
    """Note which database it is; forgets a strange one."""
    query = text("""
        INSERT INTO sources (oa, identity, noted_at) VALUES (:oa, CAST(:identity AS jsonb), clock_timestamp())
        ON CONFLICT (oa) DO UPDATE SET identity = EXCLUDED.identity, noted_at = EXCLUDED.noted_at,
                                       strange = NULL, strange_at = NULL""")
    tx.execute(query, {"oa": oa, "identity": json.dumps(identity)})


def note_strange(tx: Connection, oa: str, identity: Mapping[str, Any]) -> bool:
    """Note that another database was found; True for the first caller."""
    query = text("""
        UPDATE sources SET strange = CAST(:identity AS jsonb), strange_at = clock_timestamp()
        WHERE oa = :oa AND strange IS DISTINCT FROM CAST(:identity AS jsonb)""")
    return bool(tx.execute(query, {"oa": oa, "identity": json.dumps(identity)}).rowcount)


def forget_strange(tx: Connection, oa: str) -> None:
    """The known database is back."""
    tx.execute(text("UPDATE sources SET strange = NULL, strange_at = NULL WHERE oa = :oa"), {"oa": oa})


def begin_anew(tx: Connection, oa: str) -> None:
    """Forget cursors and seen states: the next round puts all present events into the baseline, untold.

    Notices and baseline stay known: keys that the new database repeats are not new.
    """
    for table in ("cursors", "sightings"):
        tx.execute(text(f"DELETE FROM {table} WHERE oa = :oa"), {"oa": oa})
    query = "UPDATE sources SET as_baseline = true, started_at = NULL, settled_at = NULL, read = '{}' WHERE oa = :oa"
    tx.execute(text(query), {"oa": oa})
