"""People and followers: whose phone, which Zalo user. Phones are sealed, and found by a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, text

from worker.domain.claims import Claim, judge
from worker.ledger.audit import audit
from worker.ledger.sealing import Sealer, keyed_hash

_PHONE_KEY = "phone_hash"
_EVENT_BYTES = 10  # of a million events no two share them


@dataclass(frozen=True, slots=True)
class Link:
    """A claim: this Zalo user of the OA has this phone (E.164)."""

    user_id: str = field(repr=False)
    phone: str = field(repr=False)
    at: datetime | None = None  # when it was made (UTC); None is now


class People:
    """The people of the ledger; holds the key by which phones are hashed."""

    def __init__(self, sealer: Sealer, hash_key: bytes) -> None:
        self._sealer = sealer
        self._hash_key = hash_key

    @classmethod
    def of(cls, ledger: Engine, sealer: Sealer) -> People:
        """Fetch (at the very first use: make) the hash key, which outlives every change of HCC_SECRET_KEYS."""
        with ledger.begin() as tx:
            fresh = sealer.seal(secrets.token_hex(32))
            tx.execute(
                text("INSERT INTO keyring (purpose, key_sealed) VALUES (:p, :k) ON CONFLICT DO NOTHING"),
                {"p": _PHONE_KEY, "k": fresh},
            )
            sealed = tx.execute(
                text("SELECT key_sealed FROM keyring WHERE purpose = :p"), {"p": _PHONE_KEY}
            ).scalar_one()
        return cls(sealer, bytes.fromhex(sealer.open(sealed)))

    def ids(self, tx: Connection, oa: str, phones: Iterable[str]) -> dict[str, int]:
        """The person id of each phone (E.164); unknown phones become people."""
        by_hash = {self._hash(phone): phone for phone in phones}
        if not by_hash:
            return {}
        hashes = sorted(by_hash)  # one order for every process: two polls never wait for each other in a ring
        tx.execute(
            text("""
                INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
                SELECT :oa, h, s, clock_timestamp()
                FROM unnest(CAST(:hashes AS bytea[]), CAST(:sealed AS bytea[])) AS w (h, s)
                WHERE NOT EXISTS (SELECT FROM people p WHERE p.oa = :oa AND p.phone_hash = w.h)
                ON CONFLICT DO NOTHING"""),
            {"oa": oa, "hashes": hashes, "sealed": [self._sealer.seal(by_hash[h]) for h in hashes]},
        )
        rows = tx.execute(
            text("SELECT id, phone_hash FROM people WHERE oa = :oa AND phone_hash = ANY(:hashes)"),
            {"oa": oa, "hashes": hashes},
        )
        return {by_hash[bytes(row.phone_hash)]: row.id for row in rows}

    def link(self, tx: Connection, oa: str, links: Sequence[Link], *, source: str) -> list[int]:
        """Set phone ↔ user pairs; the newest claim of a phone wins and the older one is closed and audited (R29).

        A claim that is older than what is known changes nothing. A user whom Zalo told us to have unfollowed stays so.
        Returns the ids of the people who can now be reached.
        """
        person = self.ids(tx, oa, {link.phone for link in links})
        now = datetime.now(UTC)
        claims = [Claim(link.user_id, person[link.phone], link.at or now) for link in links]
        verdict = judge(self._held(tx, oa, claims), claims)
        winners = set(verdict.won)
        shared = {person[link.phone]: link.phone for claim, link in zip(claims, links, strict=True) if claim in winners}
        loosen = text("UPDATE followers SET person_id = NULL WHERE oa = :oa AND user_id = ANY(:users)")
        tx.execute(loosen, {"oa": oa, "users": verdict.changed})
        self._set(tx, oa, verdict.won, source)
        self._welcome_back(tx, shared)
        self._audit_closed(tx, oa, verdict.closed, source)
        return list(shared)

    def _held(self, tx: Connection, oa: str, claims: Sequence[Claim]) -> list[Claim]:
        """What is known of the users and the phones of these claims, locked."""
        query = text("""
            SELECT user_id, person_id, linked_at FROM followers
            WHERE oa = :oa AND linked_at IS NOT NULL AND (user_id = ANY(:users) OR person_id = ANY(:people))
            ORDER BY id FOR UPDATE""")
        values = {"oa": oa, "users": [c.user_id for c in claims], "people": [c.person_id for c in claims]}
        return [Claim(row.user_id, row.person_id, row.linked_at) for row in tx.execute(query, values)]

    def _set(self, tx: Connection, oa: str, won: Sequence[Claim], source: str) -> None:
        tx.execute(
            text("""
                INSERT INTO followers (oa, user_id, person_id, follows, link_source, linked_at, last_interaction_at,
                                       reached_at)
                SELECT :oa, u, p, true, :source, a, a, clock_timestamp() FROM unnest(
                    CAST(:users AS text[]), CAST(:people AS bigint[]), CAST(:ats AS timestamptz[])) AS w (u, p, a)
                ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
                SET person_id = EXCLUDED.person_id, link_source = :source, linked_at = EXCLUDED.linked_at,
                    reached_at = EXCLUDED.reached_at, follows = followers.follows OR followers.follow_at IS NULL"""),
            {
                "oa": oa,
                "source": source,
                "users": [claim.user_id for claim in won],
                "people": [claim.person_id for claim in won],
                "ats": [claim.at for claim in won],
            },
        )

    def _welcome_back(self, tx: Connection, shared: Mapping[int, str]) -> None:
        """Who withdrew and now shares the phone again has agreed anew."""
        gone = text("SELECT id FROM people WHERE id = ANY(:ids) AND withdrawn_at IS NOT NULL")
        for person in tx.execute(gone, {"ids": list(shared)}).scalars().all():
            tx.execute(
                text("UPDATE people SET withdrawn_at = NULL, phone_sealed = :sealed WHERE id = :id"),
                {"id": person, "sealed": self._sealer.seal(shared[person])},
            )

    def _audit_closed(self, tx: Connection, oa: str, closed: Mapping[str, str], source: str) -> None:
        query = text("SELECT id FROM followers WHERE oa = :oa AND user_id = :user")
        for user, why in closed.items():
            follower = tx.execute(query, {"oa": oa, "user": user}).scalar_one()
            audit(tx, oa, "phone link closed", f"follower {follower}", by=source, why=why)

    def withdraw(self, tx: Connection, person_ids: Sequence[int]) -> None:
        """Erase phones; the keyed hash stays, so that nobody is told anything under them until they agree anew."""
        query = text("""
            UPDATE people SET phone_sealed = '', withdrawn_at = clock_timestamp() WHERE id = ANY(:ids)""")
        tx.execute(query, {"ids": list(person_ids)})

    def user_hash(self, user_id: str) -> bytes:
        """A Zalo user in proofs of consent: recognised again, never read."""
        return self._hash(f"zalo {user_id}")

    def event_hash(self, oa: str, key: str) -> str:
        """An event of an OA as Redis may know it (20 letters): recognised again, never read."""
        return blake2b(
            f"{oa}/{key}".encode(), key=self._hash_key, digest_size=_EVENT_BYTES, person=b"event"
        ).hexdigest()

    def user_of(self, tx: Connection, oa: str, phone: str) -> str | None:
        """The Zalo user who has this phone (E.164), as far as we know."""
        query = text("""
            SELECT f.user_id FROM followers f JOIN people p ON p.id = f.person_id
            WHERE p.oa = :oa AND p.phone_hash = :hash""")
        user: str | None = tx.execute(query, {"oa": oa, "hash": self._hash(phone)}).scalar_one_or_none()
        return user

    def followers(self, tx: Connection, oa: str) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Every follower, oldest first, each with the linked phone (E.164) or None. Show phones masked."""
        query = text("""
            SELECT f.user_id, f.follows, f.notices_off, f.ignored, f.link_source, f.linked_at, p.phone_sealed
            FROM followers f LEFT JOIN people p ON p.id = f.person_id WHERE f.oa = :oa ORDER BY f.id""")
        for row in tx.execute(query, {"oa": oa}).mappings():
            shown = dict(row)
            sealed = shown.pop("phone_sealed")
            yield shown, self._sealer.open(sealed) if sealed is not None else None

    def _hash(self, phone: str) -> bytes:
        return keyed_hash(self._hash_key, phone)
