"""People and followers: whose phone, which Zalo user. Phones are sealed, and found by a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from worker.ledger.sealing import Sealer, keyed_hash

_PHONE_KEY = "phone_hash"


@dataclass(frozen=True, slots=True)
class Link:
    """A claim: this Zalo user of the OA has this phone (E.164)."""

    user_id: str = field(repr=False)
    phone: str = field(repr=False)


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
        """Set phone ↔ user pairs; the newest claim of a phone wins and the older one is closed (R29).

        Returns the ids of the people who can now be reached.
        """
        newest = {link.phone: link for link in {link.user_id: link for link in links}.values()}
        person = self.ids(tx, oa, newest)
        people = [person[phone] for phone in newest]
        users = [link.user_id for link in newest.values()]
        tx.execute(text("UPDATE followers SET person_id = NULL WHERE person_id = ANY(:people)"), {"people": people})
        tx.execute(
            text("""
                INSERT INTO followers (oa, user_id, person_id, follows, link_source, linked_at, last_interaction_at)
                SELECT :oa, u, p, true, :source, clock_timestamp(), clock_timestamp()
                FROM unnest(CAST(:users AS text[]), CAST(:people AS bigint[])) AS w (u, p)
                ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
                SET person_id = EXCLUDED.person_id, follows = true, link_source = :source,
                    linked_at = clock_timestamp()"""),
            {"oa": oa, "source": source, "people": people, "users": users},
        )
        return people

    def followers(self, tx: Connection, oa: str) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Every follower, oldest first, each with the linked phone (E.164) or None. Show phones masked."""
        query = text("""
            SELECT f.user_id, f.follows, f.link_source, f.linked_at, p.phone_sealed
            FROM followers f LEFT JOIN people p ON p.id = f.person_id WHERE f.oa = :oa ORDER BY f.id""")
        for row in tx.execute(query, {"oa": oa}).mappings():
            shown = dict(row)
            sealed = shown.pop("phone_sealed")
            yield shown, self._sealer.open(sealed) if sealed is not None else None

    def _hash(self, phone: str) -> bytes:
        return keyed_hash(self._hash_key, phone)
