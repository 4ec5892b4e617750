"""Which database the cursors of an OA belong to, and whether its first start is over."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from worker.ledger.statements import statement


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """`identity` as it was noted, `strange` as it was found to be and is not read; JSON of the producers' own.

    `free_since` (UTC): since when what happened is not judged by the guard, as long as the first start is not over.
    `as_baseline`: an operator had it adopted so that what is there is told to nobody.
    """

    identity: Mapping[str, Any] | None = None
    noted_at: datetime | None = None
    strange: Mapping[str, Any] | None = None
    strange_at: datetime | None = None
    as_baseline: bool = False
    free_since: datetime | None = None


def read(tx: Connection, oa: str) -> SourceRecord:
    """What is noted of an OA's source; nothing before its first round."""
    query = statement("""
        SELECT identity, noted_at, strange, strange_at, as_baseline,
               CASE WHEN settled_at IS NULL THEN started_at END AS free_since
        FROM sources WHERE oa = :oa""")
    row = tx.execute(query, {"oa": oa}).one_or_none()
    return SourceRecord(*row) if row else SourceRecord()


def begin(tx: Connection, oa: str, now: datetime) -> None:
    """A first start begins; of a source that was adopted it is none."""
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
    """These feeds were read to their ends; the first start is over once each of `feeds` was."""
    tx.execute(statement(_READ), {"oa": oa, "read": sorted(read_to_end), "feeds": sorted(feeds)})


def note(tx: Connection, oa: str, identity: Mapping[str, Any]) -> None:
    """Note which database it is; one that was met meanwhile is forgotten."""
    query = text("""
        INSERT INTO sources (oa, identity, noted_at) VALUES (:oa, CAST(:identity AS jsonb), clock_timestamp())
        ON CONFLICT (oa) DO UPDATE SET identity = EXCLUDED.identity, noted_at = EXCLUDED.noted_at,
                                       strange = NULL, strange_at = NULL""")
    tx.execute(query, {"oa": oa, "identity": json.dumps(identity)})


def note_strange(tx: Connection, oa: str, identity: Mapping[str, Any]) -> bool:
    """Note that another database was met; True for the first who does."""
    query = text("""
        UPDATE sources SET strange = CAST(:identity AS jsonb), strange_at = clock_timestamp()
        WHERE oa = :oa AND strange IS DISTINCT FROM CAST(:identity AS jsonb)""")
    return bool(tx.execute(query, {"oa": oa, "identity": json.dumps(identity)}).rowcount)


def forget_strange(tx: Connection, oa: str) -> None:
    """The database that we know is there again."""
    tx.execute(text("UPDATE sources SET strange = NULL, strange_at = NULL WHERE oa = :oa"), {"oa": oa})


def begin_anew(tx: Connection, oa: str) -> None:
    """Forget how far the feeds were read and what was seen: the next round remembers all that is there, untold.

    What was told stays known, and so does what was remembered: keys that the new database repeats are no news.
    """
    for table in ("cursors", "sightings"):
        tx.execute(text(f"DELETE FROM {table} WHERE oa = :oa"), {"oa": oa})
    query = "UPDATE sources SET as_baseline = true, started_at = NULL, settled_at = NULL, read = '{}' WHERE oa = :oa"
    tx.execute(text(query), {"oa": oa})
