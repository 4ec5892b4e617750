"""The last seen state of each dossier that may still have events: the source's code and a 64-bit digest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

UNKNOWN = 0
"""The digest of a dossier that is known to exist, but whose state was not judged yet."""

ASIDE = -1
"""The digest of a dossier from a flood of old ones: left to the reconcile, not to the feeds."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`code` as the source spells it; `digest` is None when the dossier need not be tracked any more."""

    code: str
    digest: int | None


def known(tx: Connection, oa: str, codes: Collection[str]) -> dict[str, int]:
    """The digests in which these dossiers were last seen; untracked ones are left out."""
    if not codes:
        return {}
    rows = tx.execute(
        text("SELECT code, digest FROM sightings WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))"),
        {"oa": oa, "codes": list(codes)},
    )
    return {row.code: row.digest for row in rows}


def page(tx: Connection, oa: str, after: str, limit: int) -> list[str]:
    """The next tracked codes, in the ledger's own order."""
    rows = tx.execute(
        text("SELECT code FROM sightings WHERE oa = :oa AND code > :after ORDER BY code LIMIT :limit"),
        {"oa": oa, "after": after, "limit": limit},
    )
    return list(rows.scalars())


def keep(tx: Connection, oa: str, seen: Sequence[Fingerprint]) -> None:
    """Store these states. `UNKNOWN` changes no known state."""
    still = {one.code: one.digest for one in seen if one.digest is not None}
    if still:
        codes = sorted(still)  # one order for every process: two polls never deadlock
        tx.execute(
            text("""
                INSERT INTO sightings (oa, code, digest)
                SELECT :oa, c, d FROM unnest(CAST(:codes AS text[]), CAST(:digests AS bigint[])) AS w (c, d)
                WHERE NOT EXISTS (
                    SELECT FROM sightings s WHERE s.oa = :oa AND s.code = w.c AND w.d IN (s.digest, :unknown))
                ON CONFLICT (oa, code) DO UPDATE SET digest = EXCLUDED.digest
                WHERE sightings.digest <> EXCLUDED.digest AND EXCLUDED.digest <> :unknown"""),
            {"oa": oa, "codes": codes, "digests": [still[code] for code in codes], "unknown": UNKNOWN},
        )
    over = [one.code for one in seen if one.digest is None]
    if over:
        tx.execute(
            text("DELETE FROM sightings WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))"),
            {"oa": oa, "codes": sorted(over)},
        )


def set_aside(tx: Connection, oa: str, codes: Collection[str]) -> None:
    """Leave these dossiers to the reconcile, whatever state they were last seen in."""
    query = text("""
        INSERT INTO sightings (oa, code, digest) SELECT :oa, c, :aside FROM unnest(CAST(:codes AS text[])) AS w (c)
        ON CONFLICT (oa, code) DO UPDATE SET digest = :aside WHERE sightings.digest <> :aside""")
    if codes:
        tx.execute(query, {"oa": oa, "codes": sorted(codes), "aside": ASIDE})


def doubt(tx: Connection, oa: str, codes: Collection[str]) -> None:
    """Forget the last seen states: the next look at these dossiers reports every event true by then."""
    query = text("""
        UPDATE sightings SET digest = :unknown
        WHERE oa = :oa AND code = ANY(CAST(:codes AS text[])) AND digest <> :unknown""")
    if codes:
        tx.execute(query, {"oa": oa, "codes": sorted(codes), "unknown": UNKNOWN})
