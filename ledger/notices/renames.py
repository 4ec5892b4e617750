"""Recognises a dossier after its code changed: a notice told under the former code is not told again under the new one.

Units were merged in 2025, and the rows of their dossiers got new codes. The source may contain the former code, or a
stable key of its own; for such a key the ledger remembers the code last seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import Connection, text

from ledger.base.arrays import column

_KNOWN = """
SELECT w.code AS code, k.code AS former
FROM unnest(CAST(:hashes AS bigint[]), CAST(:codes AS text[])) AS w (hash, code)
JOIN dossier_keys k ON k.oa = :oa AND k.key_hash = w.hash
WHERE k.code <> w.code
"""
_KEEP = """
INSERT INTO dossier_keys (oa, key_hash, code)
SELECT :oa, h, c FROM unnest(CAST(:hashes AS bigint[]), CAST(:codes AS text[])) AS w (h, c)
WHERE NOT EXISTS (SELECT FROM dossier_keys k WHERE k.oa = :oa AND k.key_hash = w.h AND k.code = w.c)
ON CONFLICT (oa, key_hash) DO UPDATE SET code = EXCLUDED.code
"""


def formers(tx: Connection, oa: str, codes: Mapping[str, str]) -> dict[str, str]:
    """The dossiers (code by stable key) that had another code when last seen: former code by present code.

    Remembers the present codes.
    """
    if not codes:
        return {}
    by_hash = {_hash(key): code for key, code in codes.items()}
    hashes = sorted(by_hash)  # one order for every process: two polls never deadlock
    values = {"oa": oa, "hashes": column(hashes), "codes": column(by_hash[one] for one in hashes)}
    found = {row.code: row.former for row in tx.execute(text(_KNOWN), values)}
    tx.execute(text(_KEEP), values)
    return found


# A notice that a worker holds, or that may have left, keeps the code that its text names.
_RENAME = """
WITH wanted AS (
    SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:formers AS text[]), CAST(:spelt AS text[]))
    AS w (code, former, spelt)
),
found AS (
    SELECT n.id, w.code, w.spelt, w.code || substr(n.event_key, length(w.former) + 1) AS key
    FROM wanted w CROSS JOIN LATERAL (
        SELECT n.id, n.event_key FROM notices n
        WHERE n.oa = :oa AND n.code = w.former
          AND (n.state IN ('waiting', 'due', 'unreachable', 'quarantined', 'dead', 'expired')
               OR n.state = 'suppressed' AND n.withdrawn IS NOT NULL)
        ORDER BY n.id FOR UPDATE OF n
    ) AS n
),
renamed AS (
    UPDATE notices n SET code = f.code, event_key = f.key, source_code = f.spelt FROM found f
    WHERE n.id = f.id AND n.state NOT IN ('sending', 'uncertain', 'sent')
      AND NOT EXISTS (SELECT FROM notices o WHERE o.oa = :oa AND o.event_key = f.key OFFSET 0)
    RETURNING n.id, n.state
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), state, state, 'the dossier has another code', :by FROM renamed
"""


def rename(tx: Connection, oa: str, dossiers: Mapping[str, str], spelt: Mapping[str, str], *, by: str) -> int:
    """Give notices that have not left the present code of their dossier; `dossiers` are former codes by present code.

    `spelt`: the source's spelling of the codes. Returns how many notices were changed.
    """
    if not dossiers:
        return 0
    codes = sorted(dossiers)
    values = {
        "oa": oa,
        "codes": column(codes),
        "formers": column(dossiers[code] for code in codes),
        "spelt": column(spelt.get(code, code) for code in codes),
        "by": by,
    }
    return tx.execute(text(_RENAME), values).rowcount


def _hash(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)
