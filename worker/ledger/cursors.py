"""Cursors of the producers, moved by compare-and-set; and the baseline: events from before the first poll."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a feed stands (JSON), and when it was last polled (UTC)."""

    feed: str
    position: dict[str, Any]
    version: int
    polled_at: datetime


def read(tx: Connection, oa: str) -> dict[str, Cursor]:
    """The cursors of an OA by feed; none before its first start."""
    rows = tx.execute(text("SELECT feed, position, version, polled_at FROM cursors WHERE oa = :oa"), {"oa": oa})
    return {row.feed: Cursor(row.feed, row.position, row.version, row.polled_at) for row in rows}


def begin(tx: Connection, oa: str, positions: dict[str, dict[str, Any]]) -> None:
    """Set the first positions; where another process has begun already, theirs stay."""
    for feed, position in positions.items():
        tx.execute(
            text("""
                INSERT INTO cursors (oa, feed, position, version, polled_at)
                VALUES (:oa, :feed, CAST(:position AS jsonb), 1, clock_timestamp()) ON CONFLICT DO NOTHING"""),
            {"oa": oa, "feed": feed, "position": json.dumps(position)},
        )


def advance(tx: Connection, oa: str, cursor: Cursor, position: dict[str, Any]) -> Cursor | None:
    """Move a cursor if it still stands where we read it; None says that another poll was faster."""
    row = tx.execute(
        text("""
            UPDATE cursors SET position = CAST(:position AS jsonb), version = version + 1, polled_at = clock_timestamp()
            WHERE oa = :oa AND feed = :feed AND version = :version RETURNING version, polled_at"""),
        {"oa": oa, "feed": cursor.feed, "version": cursor.version, "position": json.dumps(position)},
    ).one_or_none()
    return Cursor(cursor.feed, position, row.version, row.polled_at) if row else None


def remember(tx: Connection, oa: str, keys: Sequence[str]) -> None:
    """Add event keys to the baseline."""
    if keys:
        tx.execute(
            text("INSERT INTO baseline SELECT :oa, unnest(CAST(:hashes AS bigint[])) ON CONFLICT DO NOTHING"),
            {"oa": oa, "hashes": [key_hash(key) for key in keys]},
        )


def remembered(tx: Connection, oa: str, keys: Iterable[str]) -> set[str]:
    """Which of these event keys are in the baseline."""
    by_hash = {key_hash(key): key for key in keys}
    if not by_hash:
        return set()
    rows = tx.execute(
        text("SELECT key_hash FROM baseline WHERE oa = :oa AND key_hash = ANY(:hashes)"),
        {"oa": oa, "hashes": list(by_hash)},
    )
    return {by_hash[hash_] for hash_ in rows.scalars()}


def key_hash(key: str) -> int:
    """64 bits of a key. Among 20 million remembered keys a new one collides once in 10^12 times."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], signed=True)
