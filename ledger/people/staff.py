"""Staff who get the numbers of a unit: granted by an operator, sent to them as followers of the OA (R32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from domain.news import Rhythm


def follower(tx: Connection, oa: str, user_id: str, *, leaving: bool = False) -> int | None:
    """The ledger's id of a Zalo user who follows (`leaving`: also one who no longer does); None for any other."""
    query = text("SELECT id FROM followers WHERE oa = :oa AND user_id = :user AND (follows OR :leaving)")
    found: int | None = tx.execute(query, {"oa": oa, "user": user_id, "leaving": leaving}).scalar_one_or_none()
    return found


def add(tx: Connection, oa: str, followers: Sequence[int], unit: str) -> int:
    """Grant a unit's numbers; returns how many grants are new."""
    query = text("""
        INSERT INTO staff (oa, follower_id, unit, added_at)
        SELECT :oa, f, :unit, clock_timestamp() FROM unnest(CAST(:followers AS bigint[])) AS w (f)
        ON CONFLICT DO NOTHING""")
    return tx.execute(query, {"oa": oa, "unit": unit, "followers": list(followers)}).rowcount


def set_news(tx: Connection, oa: str, followers: Sequence[int], unit: str, news: Rhythm | None) -> None:
    """How often these followers hear the unit's numbers by themselves; None: when an operator posts them."""
    query = text("""
        UPDATE staff SET news = :news
        WHERE oa = :oa AND unit = :unit AND follower_id = ANY(CAST(:followers AS bigint[]))""")
    tx.execute(query, {"oa": oa, "unit": unit, "followers": list(followers), "news": news})


def remove(tx: Connection, oa: str, followers: Sequence[int], unit: str | None) -> int:
    """Revoke a unit's numbers (None: all); returns how many grants were removed."""
    query = text("""
        DELETE FROM staff
        WHERE oa = :oa AND follower_id = ANY(:followers) AND (CAST(:unit AS text) IS NULL OR unit = :unit)""")
    return tx.execute(query, {"oa": oa, "unit": unit, "followers": list(followers)}).rowcount


def listed(tx: Connection, oa: str) -> list[dict[str, Any]]:
    """Every grant, by unit."""
    query = text("""
        SELECT s.unit, f.user_id, f.follows, f.notices_off, s.added_at, s.news
        FROM staff s JOIN followers f ON f.id = s.follower_id WHERE s.oa = :oa ORDER BY s.unit, s.added_at""")
    return [dict(row) for row in tx.execute(query, {"oa": oa}).mappings()]


def to_tell(tx: Connection, oa: str) -> dict[str, list[int]]:
    """By granted unit the followers who get its numbers: those who follow and have not said "dừng"."""
    query = text("""
        SELECT s.unit, array_agg(f.id ORDER BY f.id) AS followers
        FROM staff s JOIN followers f ON f.id = s.follower_id
        WHERE s.oa = :oa AND f.follows AND NOT f.notices_off
        GROUP BY s.unit ORDER BY s.unit""")
    return {row.unit: list(row.followers) for row in tx.execute(query, {"oa": oa})}


def who_asked(tx: Connection, oa: str) -> dict[tuple[str, Rhythm], list[int]]:
    """By granted unit and rhythm the followers who hear its numbers by themselves, as `to_tell`."""
    query = text("""
        SELECT s.unit, s.news, array_agg(f.id ORDER BY f.id) AS followers
        FROM staff s JOIN followers f ON f.id = s.follower_id
        WHERE s.oa = :oa AND s.news IS NOT NULL AND f.follows AND NOT f.notices_off
        GROUP BY s.unit, s.news ORDER BY s.unit, s.news""")
    return {(row.unit, Rhythm(row.news)): list(row.followers) for row in tx.execute(query, {"oa": oa})}


def is_granted(tx: Connection, oa: str, follower: int) -> bool:
    """Whether an operator granted this follower numbers or alarms: only such people are staff."""
    query = text("""
        SELECT EXISTS (SELECT FROM staff WHERE oa = :oa AND follower_id = :follower)
            OR EXISTS (SELECT FROM alarm_staff WHERE oa = :oa AND follower_id = :follower)""")
    return bool(tx.execute(query, {"oa": oa, "follower": follower}).scalar_one())
