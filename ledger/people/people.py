"""People and followers: which Zalo user has which phone. Phones are sealed, and found by a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, text

from domain.book import Ruling
from domain.phone_claims import Claim, Demand, Judgement, Proof
from ledger.base.sealing import Sealer, keyed_hash
from ledger.people import links

_PHONE_KEY = "phone_hash"
_EVENT_BYTES = 10  # among a million events no two share them


@dataclass(frozen=True, slots=True)
class Link:
    """A claim: this Zalo user of the OA has this phone (E.164)."""

    user_id: str = field(repr=False)
    phone: str = field(repr=False)
    at: datetime | None = None  # when it was made (UTC); None: now


class People:
    """The people of the ledger; has the key by which phones are hashed."""

    def __init__(self, sealer: Sealer, hash_key: bytes) -> None:
        self._sealer = sealer
        self._hash_key = hash_key

    @classmethod
    def of(cls, ledger: Engine, sealer: Sealer) -> People:
        """Read the hash key (or create it on first use); it outlives every change of HCC_SECRET_KEYS."""
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
        hashes = sorted(by_hash)  # one order for every process: two polls never deadlock
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
            text("""
                SELECT id, phone_hash, phone_sealed = '' AND withdrawn_at IS NULL AS bare FROM people
                WHERE oa = :oa AND phone_hash = ANY(:hashes)"""),
            {"oa": oa, "hashes": hashes},
        ).all()
        for row in rows:
            if row.bare:  # known only from a user who withdrew without having proved anything
                self._seal_again(tx, row.id, by_hash[bytes(row.phone_hash)])
        return {by_hash[bytes(row.phone_hash)]: row.id for row in rows}

    def _seal_again(self, tx: Connection, person: int, phone: str) -> None:
        query = text("UPDATE people SET phone_sealed = :sealed, withdrawn_at = NULL WHERE id = :id")
        tx.execute(query, {"id": person, "sealed": self._sealer.seal(phone)})

    def link(
        self,
        tx: Connection,
        oa: str,
        links: Sequence[Link],
        *,
        source: str,
        by: str | None = None,
        proof: Proof = Proof.OPERATOR,
    ) -> list[int]:
        """Link phones and users that an operator vouches for; returns the ids of the people who can now be reached.

        `by`: who did it, for the audit; the source if it is no person.

        A phone that another user holds by an equally strong proof stays with that user (`domain.phone_claims`). A user
        whose unfollow Zalo reported stays unfollowed. Links that a user claims go through `Phonebook`.
        """
        rulings = self.put(tx, oa, links, source=source, by=by, proof=proof, demand=Demand.NONE)
        last = {one.claim.user_id: one.claim.person_id for one in rulings if one.judgement is Judgement.GRANT}
        return list(dict.fromkeys(last.values()))

    def put(
        self,
        tx: Connection,
        oa: str,
        made: Sequence[Link],
        *,
        source: str,
        by: str | None = None,
        proof: Proof,
        demand: Demand,
    ) -> list[Ruling]:
        """Judge phone claims against present links; people who have agreed anew can be told again."""
        person = self.ids(tx, oa, {link.phone for link in made})
        phones = {number: phone for phone, number in person.items()}
        now = datetime.now(UTC)
        claims = [
            Claim(link.user_id, person[link.phone], link.at or now, proof, None if proof is Proof.NONE else now)
            for link in made
        ]
        rulings = links.put(tx, oa, claims, source=source, by=by, demand=demand)
        opened = {one.claim.person_id for one in rulings if one.judgement in (Judgement.GRANT, Judgement.HOLD)}
        self._welcome_back(tx, {one: phones[one] for one in opened})
        return rulings

    def _welcome_back(self, tx: Connection, shared: Mapping[int, str]) -> None:
        """A person who withdrew and now shares the phone again has agreed anew."""
        gone = text("SELECT id FROM people WHERE id = ANY(:ids) AND withdrawn_at IS NOT NULL")
        for person in tx.execute(gone, {"ids": list(shared)}).scalars().all():
            self._seal_again(tx, person, shared[person])

    def withdraw(self, tx: Connection, person_ids: Sequence[int]) -> None:
        """Erase phones; the keyed hash stays, so that nothing is told to them until the person agrees anew."""
        query = text("""
            UPDATE people SET phone_sealed = '', withdrawn_at = clock_timestamp() WHERE id = ANY(:ids)""")
        tx.execute(query, {"ids": list(person_ids)})

    def forget_phone(self, tx: Connection, person_ids: Sequence[int]) -> None:
        """Erase phones without any notice: they were known only from a user who withdrew and had proved nothing.

        This silences nobody: the first notice makes the phone known again.
        """
        query = text("""
            UPDATE people p SET phone_sealed = '' WHERE id = ANY(:ids) AND withdrawn_at IS NULL
              AND NOT EXISTS (SELECT FROM notices_ever n WHERE n.person_id = p.id)""")
        tx.execute(query, {"ids": list(person_ids)})

    def code_hash(self, claim: int, code: str) -> bytes:
        """The stored form of a one-time code: valid for that claim only."""
        return self._hash(f"one-time code {claim} {code}")

    def seal(self, plain: str) -> bytes:
        """Sealed as phones are."""
        return self._sealer.seal(plain)

    def unseal(self, sealed: bytes) -> str:
        """Raises `SealError`."""
        return self._sealer.open(sealed)

    def welcome_back(self, tx: Connection, person: int, phone_sealed: bytes) -> None:
        """A person who withdrew has proved the phone anew; it is passed sealed."""
        self._welcome_back(tx, {person: self._sealer.open(phone_sealed)})

    def user_hash(self, user_id: str) -> bytes:
        """The stored form of a Zalo user in proofs of consent: recognisable, never readable."""
        return self._hash(f"zalo {user_id}")

    def event_hash(self, oa: str, key: str) -> str:
        """The form of an OA's event for Redis (20 letters): recognisable, never readable."""
        return blake2b(
            f"{oa}/{key}".encode(), key=self._hash_key, digest_size=_EVENT_BYTES, person=b"event"
        ).hexdigest()

    def person_of(self, tx: Connection, oa: str, phone: str) -> int | None:
        """The person id of a phone (E.164); None if no dossier and no user of the OA has it."""
        query = text("SELECT id FROM people WHERE oa = :oa AND phone_hash = :hash")
        person: int | None = tx.execute(query, {"oa": oa, "hash": self._hash(phone)}).scalar_one_or_none()
        return person

    def user_of(self, tx: Connection, oa: str, phone: str) -> str | None:
        """The Zalo user who has this phone (E.164), as far as we know."""
        query = text("""
            SELECT f.user_id FROM followers f JOIN people p ON p.id = f.person_id
            WHERE p.oa = :oa AND p.phone_hash = :hash""")
        user: str | None = tx.execute(query, {"oa": oa, "hash": self._hash(phone)}).scalar_one_or_none()
        return user

    def known(self, tx: Connection, oas: Sequence[str], phone: str) -> list[int]:
        """The people of these OAs with this phone (E.164); an unknown phone stays unknown."""
        query = text("SELECT id FROM people WHERE oa = ANY(:oas) AND phone_hash = :hash ORDER BY id")
        return list(tx.execute(query, {"oas": list(oas), "hash": self._hash(phone)}).scalars())

    def followers(self, tx: Connection, oa: str) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Every follower, oldest first, each with the linked phone (E.164) or None. Show phones masked."""
        query = text("""
            SELECT f.user_id, f.follows, f.notices_off, f.ignored, f.link_source, f.linked_at, p.phone_sealed,
                   CASE WHEN f.person_id IS NOT NULL THEN coalesce(c.proof, 'none') END AS proof
            FROM followers f LEFT JOIN people p ON p.id = f.person_id
            LEFT JOIN phone_claims c ON c.follower_id = f.id AND c.person_id = f.person_id AND c.state = 'granted'
            WHERE f.oa = :oa ORDER BY f.id""")
        for row in tx.execute(query, {"oa": oa}).mappings():
            shown = dict(row)
            sealed = shown.pop("phone_sealed")
            yield shown, self._sealer.open(sealed) if sealed is not None else None

    def _hash(self, phone: str) -> bytes:
        return keyed_hash(self._hash_key, phone)
