"""Zalo's facts about its users, apart from their phone: who follows, and when they last interacted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from ledger.people.people import Link, People


@dataclass(frozen=True, slots=True)
class FollowerState:
    """A user's present state at Zalo; None: Zalo did not report it."""

    user_id: str = field(repr=False)
    follows: bool | None
    interacted_at: datetime | None = None


def meet(tx: Connection, oa: str, users: Sequence[str]) -> int:
    """Add followers that were unknown to us (their `follow` event was missed); returns how many."""
    known = tx.execute(
        text("""
            INSERT INTO followers (oa, user_id, follows, reached_at)
            SELECT :oa, u, true, clock_timestamp() FROM unnest(CAST(:users AS text[])) AS w (u)
            ON CONFLICT ON CONSTRAINT followers_oa_user_id DO NOTHING"""),
        {"oa": oa, "users": sorted(set(users))},
    )
    return known.rowcount


def to_look_up(tx: Connection, oa: str, since: datetime, *, limit: int) -> list[str]:
    """Users about whom Zalo has not been asked since then."""
    rows = tx.execute(
        text("""
            SELECT user_id FROM followers
            WHERE oa = :oa AND (synced_at IS NULL OR synced_at < :since) ORDER BY id LIMIT :limit"""),
        {"oa": oa, "since": since, "limit": limit},
    )
    return list(rows.scalars())


def count_to_look_up(tx: Connection, oa: str, since: datetime) -> int:
    """How many users Zalo is still to be asked about."""
    query = text("SELECT count(*) FROM followers WHERE oa = :oa AND (synced_at IS NULL OR synced_at < :since)")
    return int(tx.execute(query, {"oa": oa, "since": since}).scalar_one())


_KEEP = """
WITH seen AS (
    SELECT f.id, f.follows AS before, w.interacted_at,
           CASE WHEN f.follow_at > :at - interval '5 minutes' THEN f.follows
                ELSE coalesce(w.follows, f.follows) END AS follows
    FROM unnest(CAST(:users AS text[]), CAST(:follow AS boolean[]), CAST(:ats AS timestamptz[]))
         AS w (user_id, follows, interacted_at)
    JOIN followers f ON f.oa = :oa AND f.user_id = w.user_id
    ORDER BY f.id FOR UPDATE OF f
),
kept AS (
    UPDATE followers f SET synced_at = :at, follows = s.follows,
           last_interaction_at = greatest(f.last_interaction_at, s.interacted_at),
           reached_at = CASE WHEN s.follows AND NOT s.before THEN clock_timestamp() ELSE f.reached_at END
    FROM seen s WHERE f.id = s.id
    RETURNING f.person_id, s.follows AND NOT s.before AS came
)
SELECT person_id FROM kept WHERE came AND person_id IS NOT NULL
"""


def keep(tx: Connection, oa: str, seen: Sequence[FollowerState], at: datetime) -> list[int]:
    """Record users' states from Zalo; of two interactions the later one counts.

    An event of the last minutes outranks a look-up, which may have been answered before it. Returns the people who
    follow again without an event that reported it.
    """
    values = {
        "users": [one.user_id for one in seen],
        "follow": [one.follows for one in seen],
        "ats": [one.interacted_at for one in seen],
    }
    return list(tx.execute(text(_KEEP), {"oa": oa, "at": at, **values}).scalars())


def unclaimed(tx: Connection, oa: str, people: People, links: Sequence[Link]) -> list[Link]:
    """The pairs that take a phone from nobody: a profile is older than any claim that we know of (R29)."""
    ids = people.ids(tx, oa, {link.phone for link in links})
    taken = tx.execute(
        text("""
            SELECT user_id, person_id FROM followers
            WHERE oa = :oa AND person_id IS NOT NULL AND (user_id = ANY(:users) OR person_id = ANY(:people))"""),
        {"oa": oa, "users": [link.user_id for link in links], "people": list(ids.values())},
    ).all()
    users, persons = {row.user_id for row in taken}, {row.person_id for row in taken}
    return [link for link in links if link.user_id not in users and ids[link.phone] not in persons]


def not_known(tx: Connection, oa: str, users: Sequence[str], *, before: datetime) -> None:
    """Zalo says that these are no users of the OA: a claim of their phone takes it from nobody.

    Users with an event from Zalo since `before` are excluded.
    """
    tx.execute(
        text("""
            UPDATE followers SET unknown_at = clock_timestamp()
            WHERE oa = :oa AND user_id = ANY(:users) AND unknown_at IS NULL
              AND coalesce(last_interaction_at < :before, true) AND coalesce(follow_at < :before, true)"""),
        {"oa": oa, "users": list(users), "before": before},
    )


def close_windows(tx: Connection, oa: str, users: Sequence[str], *, before: datetime) -> None:
    """Zalo says that these people have not interacted within 7 days; interactions since `before` are newer."""
    tx.execute(
        text("""
            UPDATE followers SET last_interaction_at = least(last_interaction_at, :before - interval '7 days 1 second')
            WHERE oa = :oa AND user_id = ANY(:users)
              AND (last_interaction_at IS NULL OR last_interaction_at < :before)"""),
        {"oa": oa, "users": list(users), "before": before},
    )
