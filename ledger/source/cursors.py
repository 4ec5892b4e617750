"""How far each feed was read, and the events from before the first poll. Moved together with the notices (law 2)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Cursor:
    """`position` is the feed's own JSON; `polled_at` (UTC) is when the feed was last read to its end.

    `read_at` is when we read or wrote the cursor, by the ledger's clock: later answers of the source are not older.
    """

    position: Mapping[str, Any]
    version: int
    polled_at: datetime
    read_at: datetime


def read(tx: Connection, oa: str) -> dict[str, Cursor]:
    """The cursors of an OA, by feed."""
    query = text("SELECT feed, position, version, polled_at, statement_timestamp() AS at FROM cursors WHERE oa = :oa")
    return {row.feed: Cursor(row.position, row.version, row.polled_at, row.at) for row in tx.execute(query, {"oa": oa})}


@dataclass(frozen=True, slots=True)
class Pace:
    """How a feed keeps up: seconds since it was last read to its end, and how many ids it still waits for."""

    feed: str
    seconds: float
    missing: int


def paces(tx: Connection, oa: str) -> list[Pace]:
    """How the feeds of an OA keep up, by name; background passes are included."""
    rows = tx.execute(
        text("""
            SELECT feed, extract(epoch FROM clock_timestamp() - polled_at) AS seconds,
                   (SELECT count(*) FROM jsonb_object_keys(
                        CASE WHEN position ? 'missing' THEN position -> 'missing' ELSE '{}' END)) AS missing
            FROM cursors WHERE oa = :oa ORDER BY feed"""),
        {"oa": oa},
    )
    return [Pace(row.feed, max(0.0, float(row.seconds)), row.missing) for row in rows]


def begin(tx: Connection, oa: str, feed: str, position: Mapping[str, Any], polled_at: datetime) -> Cursor | None:
    """Write a feed's first cursor; None if another poll was faster."""
    written = tx.execute(
        text("""
            INSERT INTO cursors (oa, feed, position, version, polled_at)
            VALUES (:oa, :feed, CAST(:position AS jsonb), 1, :polled_at) ON CONFLICT DO NOTHING
            RETURNING clock_timestamp()"""),
        {"oa": oa, "feed": feed, "position": json.dumps(position), "polled_at": polled_at},
    ).scalar_one_or_none()
    return Cursor(position, 1, polled_at, written) if written else None


def advance(
    tx: Connection, oa: str, feed: str, held: Cursor, *, to: Mapping[str, Any], polled_at: datetime
) -> Cursor | None:
    """Advance a cursor from the version that we hold; None if another poll was faster."""
    moved = tx.execute(
        text("""
            UPDATE cursors SET position = CAST(:position AS jsonb), version = version + 1, polled_at = :polled_at
            WHERE oa = :oa AND feed = :feed AND version = :version
            RETURNING clock_timestamp()"""),
        {"oa": oa, "feed": feed, "position": json.dumps(to), "version": held.version, "polled_at": polled_at},
    ).scalar_one_or_none()
    return Cursor(to, held.version + 1, polled_at, moved) if moved else None


def end(tx: Connection, oa: str, feed: str, held: Cursor) -> bool:
    """Delete a cursor that is no longer needed; False if another poll was faster."""
    dropped = tx.execute(
        text("DELETE FROM cursors WHERE oa = :oa AND feed = :feed AND version = :version"),
        {"oa": oa, "feed": feed, "version": held.version},
    )
    return bool(dropped.rowcount)


def remember(tx: Connection, oa: str, keys: Collection[str]) -> int:
    """Add event keys to the baseline; returns how many were not in it yet."""
    written = tx.execute(
        text("""
            INSERT INTO baseline (oa, key_hash) SELECT :oa, h FROM unnest(CAST(:hashes AS bigint[])) AS w (h)
            ON CONFLICT DO NOTHING"""),
        {"oa": oa, "hashes": [_hash(key) for key in keys]},
    )
    return written.rowcount


def untold(tx: Connection, oa: str, keys: Collection[str]) -> set[str]:
    """Those of the keys that are neither in the baseline nor known as notices."""
    if not keys:
        return set()
    known = tx.execute(
        text("""
            SELECT w.key FROM unnest(CAST(:keys AS text[]), CAST(:hashes AS bigint[])) AS w (key, hash)
            WHERE NOT EXISTS (SELECT FROM baseline b WHERE b.oa = :oa AND b.key_hash = w.hash OFFSET 0)
              AND NOT EXISTS (SELECT FROM notices n WHERE n.oa = :oa AND n.event_key = w.key OFFSET 0)"""),
        {"oa": oa, "keys": list(keys), "hashes": [_hash(key) for key in keys]},
    )
    return set(known.scalars())


_UNKNOWN_AT = """
SELECT w.key, w.at FROM unnest(CAST(:keys AS text[]), CAST(:hashes AS bigint[]), CAST(:ats AS timestamptz[]))
                   AS w (key, hash, at)
WHERE NOT EXISTS (SELECT FROM baseline b WHERE b.oa = :oa AND b.key_hash = w.hash OFFSET 0)
  AND NOT EXISTS (SELECT FROM notices n WHERE n.oa = :oa AND n.event_key = w.key
                    AND (n.state <> 'quarantined' OR n.recorded_at < w.at) OFFSET 0)
"""


def unknown_at(tx: Connection, oa: str, asked: Sequence[tuple[str, datetime]]) -> set[tuple[str, datetime]]:
    """Those of (key, moment) that were unknown then: not in the baseline, and in no notice except a quarantined one.

    A quarantined notice makes events after its recording known: its dossier is alive since.
    """
    keys = [key for key, _ in asked]
    values = {"oa": oa, "keys": keys, "hashes": [_hash(key) for key in keys], "ats": [at for _, at in asked]}
    return {(row.key, row.at) for row in tx.execute(text(_UNKNOWN_AT), values)}


KEY_HASH = "CAST(CAST('x' || substr(encode(sha256(convert_to(event_key, 'UTF8')), 'hex'), 1, 16) AS bit(64)) AS bigint)"
"""The SQL form of `_hash`, for a column `event_key`."""


def _hash(key: str) -> int:
    """64 bits of SHA-256, as a signed bigint.

    With ten million past keys of a province and ten thousand new events a day, a collision comes once in 500,000 years.
    """
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)
