"""Who follows the OA and who wrote to it, as Zalo reports it: each fact has its time, so disorder does no harm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from domain.lifecycle import State
from ledger.base.audit import audit
from ledger.notices.moves import Move, move, move_found
from ledger.notices.notices import promote
from ledger.people import links
from ledger.people.people import People

_GONE = "the person no longer follows"
_WITHDRAWN = "the person withdrew consent"


@dataclass(frozen=True, slots=True)
class Follower:
    """A user of the OA after a change: `person_id` is the person with their phone, if known."""

    id: int
    person_id: int | None
    follows: bool


_FOLLOW = """
INSERT INTO followers (oa, user_id, follows, follow_at, follow_event, reached_at)
SELECT :oa, u, f, a, n, CASE WHEN f THEN clock_timestamp() END
FROM unnest(CAST(:users AS text[]), CAST(:ats AS timestamptz[]), CAST(:numbers AS bigint[]),
            CAST(:follows AS boolean[])) AS w (u, a, n, f)
ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
SET follows = EXCLUDED.follows, follow_at = EXCLUDED.follow_at, follow_event = EXCLUDED.follow_event,
    unknown_at = NULL,
    reached_at = coalesce(EXCLUDED.reached_at, followers.reached_at)
WHERE followers.follow_at IS NULL
   OR (followers.follow_at, coalesce(followers.follow_event, 0)) < (EXCLUDED.follow_at, EXCLUDED.follow_event)
RETURNING id, person_id, follows
"""


def set_follows(tx: Connection, oa: str, told: Mapping[str, tuple[datetime, int, bool]]) -> list[Follower]:
    """Set by user id since when a user follows or not: (time, place in the inbox, follows).

    An older fact changes nothing; of two with the same time, the later in the inbox counts. Returns those that changed.
    Pending notices for a user who unfollowed are suppressed.
    """
    if not told:
        return []
    users = sorted(told)
    ats, numbers, follows = zip(*(told[user] for user in users), strict=True)
    values = {"users": users, "ats": list(ats), "numbers": list(numbers), "follows": list(follows)}
    changed = [Follower(row.id, row.person_id, row.follows) for row in tx.execute(text(_FOLLOW), {"oa": oa, **values})]
    suppress(tx, [follower.id for follower in changed if not follower.follows], why=_GONE)
    return changed


_PENDING = """
SELECT id, lease, due_at FROM notices
WHERE state = (SELECT CAST(:before AS text)) AND (follower_id = ANY(:followers) OR person_id = ANY(:people))
ORDER BY id FOR UPDATE SKIP LOCKED
"""


def suppress(
    tx: Connection, followers: Sequence[int], *, why: str, people: Sequence[int] = (), by: str = "zalo"
) -> set[int]:
    """Suppress pending notices of these followers or people. A worker checks the ones it holds before sending."""
    moved: set[int] = set()
    if followers or people:
        values = {"followers": list(followers), "people": list(people)}
        for before in (State.WAITING, State.DUE, State.UNREACHABLE):
            moved |= move_found(tx, before, State.SUPPRESSED, _PENDING, by=by, why=why, **values)
    return moved


def interacted(tx: Connection, oa: str, newest: Mapping[str, datetime]) -> None:
    """Record users' last interaction with the OA; never moves back. A user who only writes does not follow yet."""
    tx.execute(
        text("""
            INSERT INTO followers (oa, user_id, follows, last_interaction_at)
            SELECT :oa, u, false, a FROM unnest(CAST(:users AS text[]), CAST(:ats AS timestamptz[])) AS w (u, a)
            ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
            SET last_interaction_at = GREATEST(followers.last_interaction_at, EXCLUDED.last_interaction_at),
                unknown_at = NULL"""),
        {"oa": oa, "users": sorted(newest), "ats": [newest[user] for user in sorted(newest)]},
    )


def answered(tx: Connection, oa: str, users: Sequence[str], kind: str) -> None:
    """These users have done what notices of this `kind` ask for: pending ones are needless, uncertain ones arrived."""
    query = text("""
        SELECT n.id, n.state, n.code FROM notices n JOIN followers f ON f.id = n.follower_id
        WHERE f.oa = :oa AND f.user_id = ANY(:users) AND n.kind = :kind
          AND n.state IN ('waiting', 'due', 'unreachable', 'uncertain')
        ORDER BY n.id FOR UPDATE OF n SKIP LOCKED""")
    rows = tx.execute(query, {"oa": oa, "users": list(users), "kind": kind}).all()
    why = "the person has answered already"
    moves = [
        Move(row.id, State(row.state), State.SENT if row.state == "uncertain" else State.SUPPRESSED, why=why)
        for row in rows
    ]
    move(tx, moves, by="zalo")
    promote(tx, oa, {row.code for row in rows}, by="zalo")


def withdraw(tx: Connection, oa: str, people: People, user_id: str, at: datetime | None = None) -> None:
    """Erase our data on a user who asked for it at that time, and send them nothing more (Law 91/2025).

    The phone's own evidence is erased only if they had proved it: a user who typed another person's number loses what
    they were told, but nothing of that person's. Two things stay: that notices of a dossier were sent and when, and,
    under a keyed hash, that this user withdrew. A user who followed or shared a phone since then began anew, though we
    heard of that first: then only older data is erased.
    """
    query = text("""
        SELECT f.id, f.person_id, f.linked_at, f.follow_at, coalesce(c.proof, 'none') <> 'none' AS proven
        FROM followers f
        LEFT JOIN phone_claims c ON c.follower_id = f.id AND c.person_id = f.person_id AND c.state = 'granted'
        WHERE f.oa = :oa AND f.user_id = :user FOR UPDATE OF f""")
    row = tx.execute(query, {"oa": oa, "user": user_id}).one_or_none()
    if row is None:
        return
    known = {"linked": row.linked_at, "follows": row.follow_at}
    anew = {what for what, since in known.items() if at is not None and since is not None and since > at}
    person = [row.person_id] if row.person_id is not None and "linked" not in anew else []
    proven = person if row.proven else []
    suppress(tx, [] if anew else [row.id], people=proven, why=_WITHDRAWN)
    people.withdraw(tx, proven)
    people.forget_phone(tx, [one for one in person if one not in proven])
    _erase_words(tx, row.id, proven, at if anew else None)
    if person:
        links.let_go(tx, oa, [user_id], state="withdrawn")
        audit(tx, oa, "phone link closed", f"follower {row.id}, person {row.person_id}", by="zalo", why=_WITHDRAWN)
    if anew:
        return
    tx.execute(
        text("""
            UPDATE followers SET user_id = 'withdrawn-' || id, person_id = NULL, follows = false, link_source = NULL,
                   linked_at = NULL, last_interaction_at = NULL, follow_at = NULL WHERE id = :id"""),
        {"id": row.id},
    )
    ended = text("""
        UPDATE phone_claims SET state = CASE state WHEN 'open' THEN 'closed' ELSE state END, phone_sealed = NULL,
               code_hash = NULL WHERE follower_id = :id""")
    tx.execute(ended, {"id": row.id})
    for table in ("staff", "alarm_staff", "probe_staff"):
        tx.execute(text(f"DELETE FROM {table} WHERE follower_id = :follower"), {"follower": row.id})
    tx.execute(text("DELETE FROM receipts WHERE oa = :oa AND user_id = :user"), {"oa": oa, "user": user_id})


# Notices told to a user as the holder of a phone: recorded while they held it, and sent by Zalo.
_TOLD = """
    EXISTS (SELECT FROM phone_claims c WHERE c.follower_id = :follower AND c.person_id = n.person_id
            AND n.recorded_at >= c.told_since
            AND (c.state = 'granted' OR n.recorded_at <= c.decided_at) AND n.channel LIKE 'zalo%')"""


def _erase_words(tx: Connection, follower: int, proven: Sequence[int], until: datetime | None) -> None:
    """Erase texts of notices told to this follower, and of all notices about a phone that they had proved.

    With a time, only of notices recorded until then that are not to be told any more. Archived notices have no text,
    but answers still have facts.
    """
    values = {"follower": follower, "people": list(proven), "until": until}
    tx.execute(
        text(f"""
            UPDATE notices n SET text = NULL, facts = CASE WHEN follower_id = :follower THEN '{{}}' ELSE facts END
            WHERE state NOT IN ('sending', 'uncertain')
            AND (follower_id = :follower OR person_id = ANY(:people)
                 OR person_id IN (SELECT person_id FROM phone_claims WHERE follower_id = :follower) AND {_TOLD})
            AND (CAST(:until AS timestamptz) IS NULL OR recorded_at <= :until AND state NOT IN ('waiting', 'due'))"""),
        values,
    )
    put_away = text("""
        UPDATE notices_past SET facts = '{}' WHERE follower_id = :follower
          AND (CAST(:until AS timestamptz) IS NULL OR recorded_at <= :until)""")
    tx.execute(put_away, {"follower": follower, "until": until})


def withdrawn(tx: Connection, oa: str, people: People, users: Iterable[str]) -> dict[str, datetime]:
    """Since when those of these users who withdrew did so: what they did before that is not recorded any more."""
    by_hash = {people.user_hash(user): user for user in users}
    query = text("""
        SELECT user_hash, max(at) AS at FROM consents
        WHERE oa = :oa AND user_hash = ANY(:hashes) AND word = 'withdrew' GROUP BY user_hash""")
    rows = tx.execute(query, {"oa": oa, "hashes": list(by_hash)})
    return {by_hash[bytes(row.user_hash)]: row.at for row in rows}


def prove(tx: Connection, oa: str, people: People, facts: Sequence[tuple[str, str, datetime]]) -> None:
    """Store proofs of consent: (user id, word, time)."""
    tx.execute(
        text("""
            INSERT INTO consents (oa, user_hash, at, word, recorded_at)
            SELECT :oa, h, a, w, clock_timestamp() FROM unnest(
                CAST(:hashes AS bytea[]), CAST(:ats AS timestamptz[]), CAST(:words AS text[])) AS t (h, a, w)"""),
        {
            "oa": oa,
            "hashes": [people.user_hash(user) for user, _, _ in facts],
            "ats": [at for _, _, at in facts],
            "words": [word for _, word, _ in facts],
        },
    )
