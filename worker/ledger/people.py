"""People and followers: whose phone, which Zalo user. Phones are sealed, and found by a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, text

from worker.domain.book import Ruling
from worker.domain.claims import Claim, Demand, Judgement, Proof
from worker.ledger import links
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
            text("""
                SELECT id, phone_hash, phone_sealed = '' AND withdrawn_at IS NULL AS bare FROM people
                WHERE oa = :oa AND phone_hash = ANY(:hashes)"""),
            {"oa": oa, "hashes": hashes},
        ).all()
        for row in rows:
            if row.bare:  # a user who had proven nothing withdrew, and it was known from that user only
                self._seal_again(tx, row.id, by_hash[bytes(row.phone_hash)])
        return {by_hash[bytes(row.phone_hash)]: row.id for row in rows}

    def _seal_again(self, tx: Connection, person: int, phone: str) -> None:
        query = text("UPDATE people SET phone_sealed = :sealed, withdrawn_at = NULL WHERE id = :id")
        tx.execute(query, {"id": person, "sealed": self._sealer.seal(phone)})

    def link(
        self, tx: Connection, oa: str, links: Sequence[Link], *, source: str, proof: Proof = Proof.OPERATOR
    ) -> list[int]:
        """Link phones and users that an operator vouches for; returns the ids of the people who can now be reached.

        A phone that another user holds by as strong a proof stays where it is (`domain.claims`). A user whom Zalo told
        us to have unfollowed stays so. Links that a user claims go by `Phonebook`.
        """
        rulings = self.put(tx, oa, links, source=source, proof=proof, demand=Demand.NONE)
        last = {one.claim.user_id: one.claim.person_id for one in rulings if one.judgement is Judgement.GRANT}
        return list(dict.fromkeys(last.values()))

    def put(
        self,
        tx: Connection,
        oa: str,
        made: Sequence[Link],
        *,
        source: str,
        proof: Proof,
        demand: Demand,
    ) -> list[Ruling]:
        """Put claims of phones to what is held; whoever has agreed anew can be told again."""
        person = self.ids(tx, oa, {link.phone for link in made})
        phones = {number: phone for phone, number in person.items()}
        now = datetime.now(UTC)
        claims = [
            Claim(link.user_id, person[link.phone], link.at or now, proof, None if proof is Proof.NONE else now)
            for link in made
        ]
        rulings = links.put(tx, oa, claims, source=source, demand=demand)
        opened = {one.claim.person_id for one in rulings if one.judgement in (Judgement.GRANT, Judgement.HOLD)}
        self._welcome_back(tx, {one: phones[one] for one in opened})
        return rulings

    def _welcome_back(self, tx: Connection, shared: Mapping[int, str]) -> None:
        """Who withdrew and now shares the phone again has agreed anew."""
        gone = text("SELECT id FROM people WHERE id = ANY(:ids) AND withdrawn_at IS NOT NULL")
        for person in tx.execute(gone, {"ids": list(shared)}).scalars().all():
            self._seal_again(tx, person, shared[person])

    def withdraw(self, tx: Connection, person_ids: Sequence[int]) -> None:
        """Erase phones; the keyed hash stays, so that nobody is told anything under them until they agree anew."""
        query = text("""
            UPDATE people SET phone_sealed = '', withdrawn_at = clock_timestamp() WHERE id = ANY(:ids)""")
        tx.execute(query, {"ids": list(person_ids)})

    def forget_phone(self, tx: Connection, person_ids: Sequence[int]) -> None:
        """Erase phones that no notice is about: they were known from a user only, who had proven nothing and withdrew.

        Nobody is silenced by it: with the first notice the phone is known again.
        """
        query = text("""
            UPDATE people p SET phone_sealed = '' WHERE id = ANY(:ids) AND withdrawn_at IS NULL
              AND NOT EXISTS (SELECT FROM notices_ever n WHERE n.person_id = p.id)""")
        tx.execute(query, {"ids": list(person_ids)})

    def code_hash(self, claim: int, code: str) -> bytes:
        """A one-time code, as the ledger knows it: of use for that claim only."""
        return self._hash(f"one-time code {claim} {code}")

    def seal(self, plain: str) -> bytes:
        """Sealed as phones are."""
        return self._sealer.seal(plain)

    def unseal(self, sealed: bytes) -> str:
        """Raises `SealError`."""
        return self._sealer.open(sealed)

    def welcome_back(self, tx: Connection, person: int, phone_sealed: bytes) -> None:
        """The person who withdrew has proven the phone anew, as it is sealed here."""
        self._welcome_back(tx, {person: self._sealer.open(phone_sealed)})

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
