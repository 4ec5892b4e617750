"""Staff who get the numbers of a unit: granted by an operator, told as followers of the OA (R32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text


def follower(tx: Connection, oa: str, user_id: str, *, leaving: bool = False) -> int | None:
    """The ledger's number of a Zalo user who follows (`leaving`: or did once); None for any other."""
    query = text("SELECT id FROM followers WHERE oa = :oa AND user_id = :user AND (follows OR :leaving)")
    found: int | None = tx.execute(query, {"oa": oa, "user": user_id, "leaving": leaving}).scalar_one_or_none()
    return found


def add(tx: Connection, oa: str, followers: Sequence[int], unit: str) -> int:
    """Grant a unit's numbers; returns to how many it is new."""
    query = text("""
        INSERT INTO staff (oa, follower_id, unit, added_at)
        SELECT :oa, f, :unit, clock_timestamp() FROM unnest(CAST(:followers AS bigint[])) AS w (f)
        ON CONFLICT DO NOTHING""")
    return tx.execute(query, {"oa": oa, "unit": unit, "followers": list(followers)}).rowcount


def remove(tx: Connection, oa: str, followers: Sequence[int], unit: str | None) -> int:
    """Take back a unit's numbers (None: all); returns how many grants are gone."""
    query = text("""
        DELETE FROM staff
        WHERE oa = :oa AND follower_id = ANY(:followers) AND (CAST(:unit AS text) IS NULL OR unit = :unit)""")
    return tx.execute(query, {"oa": oa, "unit": unit, "followers": list(followers)}).rowcount


def listed(tx: Connection, oa: str) -> list[dict[str, Any]]:
    """Every grant, by unit."""
    query = text("""
        SELECT s.unit, f.user_id, f.follows, f.notices_off, s.added_at
        FROM staff s JOIN followers f ON f.id = s.follower_id WHERE s.oa = :oa ORDER BY s.unit, s.added_at""")
    return [dict(row) for row in tx.execute(query, {"oa": oa}).mappings()]


def to_tell(tx: Connection, oa: str, unit: str | None) -> dict[str, list[int]]:
    """By unit (None: every unit) the followers who are to be told its numbers: those who follow and said no "dừng"."""
    query = text("""
        SELECT s.unit, array_agg(f.id ORDER BY f.id) AS followers
        FROM staff s JOIN followers f ON f.id = s.follower_id
        WHERE s.oa = :oa AND f.follows AND NOT f.notices_off AND (CAST(:unit AS text) IS NULL OR s.unit = :unit)
        GROUP BY s.unit ORDER BY s.unit""")
    return {row.unit: list(row.followers) for row in tx.execute(query, {"oa": oa, "unit": unit})}
