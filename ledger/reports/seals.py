"""Seals of the audit: a chain that shows whether a row was changed, removed or slipped in (docs/decisions/0022).

A seal is an HMAC over the seal before it and the fields of one row. Its key is in the keyring, sealed with
HCC_SECRET_KEYS, so whoever can write the database, but has no key, cannot make the chain fit again. The sweep seals new
rows a few seconds after their commit: the writers of the audit never wait for each other. A row that was changed before
it was sealed is not found. Neither are rows removed from the end together with their seals, unless somebody kept the
number of the newest seal, which `hcc audit verify` prints.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import Connection, Engine, text

from ledger.base.arrays import column
from ledger.base.sealing import Sealer
from ledger.reports.audits import AuditRow, rows

SEALED_AT_ONCE = 1000
LATE_SECONDS = 600.0  # a row that has no seal for so long is a fault: a sweep seals within seconds

_KEY = "audit_seal"
_START = bytes(32)
_ONE_AT_A_TIME = 4_847_205  # the advisory lock of sealing; any number that nobody else uses


class AuditSeals:
    """Seals rows of the audit and compares them with their seals."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, ledger: Engine, sealer: Sealer) -> AuditSeals:
        """Read the key, or make it on first use. Raises `SealError` if no key of HCC_SECRET_KEYS opens it."""
        with ledger.begin() as tx:
            tx.execute(
                text("INSERT INTO keyring (purpose, key_sealed) VALUES (:p, :k) ON CONFLICT DO NOTHING"),
                {"p": _KEY, "k": sealer.seal(secrets.token_hex(32))},
            )
            sealed = tx.execute(text("SELECT key_sealed FROM keyring WHERE purpose = :p"), {"p": _KEY}).scalar_one()
        return cls(bytes.fromhex(sealer.open(sealed)))

    def seal_new(self, tx: Connection, *, page: int = SEALED_AT_ONCE) -> int:
        """Seal a page of new rows; returns how many. 0 also while another process does it."""
        if not tx.execute(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": _ONE_AT_A_TIME}).scalar_one():
            return 0
        new = [AuditRow(*row) for row in tx.execute(text(_UNSEALED), {"limit": page})]
        last = tx.execute(text("SELECT number, seal FROM audit_seals ORDER BY number DESC LIMIT 1")).one_or_none()
        number, seal = (last.number, bytes(last.seal)) if last else (0, _START)
        seals = []
        for row in new:
            seal = self.seal_of(seal, row)
            seals.append(seal.hex())
        tx.execute(text(_ADD), {"number": number, "audit_ids": column(row.id for row in new), "seals": column(seals)})
        return len(new)

    def seal_of(self, before: bytes, row: AuditRow) -> bytes:
        """The seal of a row that comes after the seal `before`."""
        at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
        told = json.dumps([row.id, at, row.oa, row.verb, row.subject, row.by, row.why], ensure_ascii=False)
        return hmac.digest(self._key, before + told.encode(), "sha256")

    def faults(self, tx: Connection) -> Iterator[AuditFault]:
        """Whatever does not fit, in the order of the chain; after a fault the comparison goes on from the stored seal.

        At last, rows that should have been sealed long ago.
        """
        expected, before = 1, _START
        while page := tx.execute(text(_CHAIN), {"from": expected, "page": SEALED_AT_ONCE}).all():
            found = rows(tx, [link.audit_id for link in page])
            for link in page:
                if link.number != expected:
                    yield AuditFault("gap", None, expected)
                row = found.get(link.audit_id)
                if row is None:
                    yield AuditFault("removed", link.audit_id, link.number)
                elif link.number == expected and not hmac.compare_digest(self.seal_of(before, row), bytes(link.seal)):
                    yield AuditFault("changed", link.audit_id, link.number)
                expected, before = link.number + 1, bytes(link.seal)
        for audit_id in tx.execute(text(_LATE), {"seconds": LATE_SECONDS}).scalars():
            yield AuditFault("unsealed", audit_id, None)


@dataclass(frozen=True, slots=True)
class AuditFault:
    """What does not fit: a row (`audit_id`) or a place of the chain (`number`).

    `sort`: `changed` or `removed` (a row after its seal), `gap` (the seal of this place is missing), `unsealed`
    (a row whose seal was removed, or that no sweep has sealed).
    """

    sort: str
    audit_id: int | None
    number: int | None


@dataclass(frozen=True, slots=True)
class SealedAudit:
    """How far the audit is sealed: the newest place and its seal, and how many rows are too new to have one."""

    number: int
    seal: str
    unsealed: int


def sealed(tx: Connection) -> SealedAudit:
    """How far the audit is sealed."""
    last = tx.execute(text("SELECT number, seal FROM audit_seals ORDER BY number DESC LIMIT 1")).one_or_none()
    unsealed = tx.execute(text(f"SELECT count(*) FROM ({_UNSEALED}) AS new"), {"limit": SEALED_AT_ONCE}).scalar_one()
    return SealedAudit(last.number if last else 0, bytes(last.seal).hex() if last else "", int(unsealed))


# A transaction that wrote its row early may commit late, so rows a little before the newest sealed one are looked at
# again; what is further back is found by `faults`.
_UNSEALED = """
SELECT a.id, a.at, a.oa, a.verb, a.subject, a.by, a.why FROM audit a
WHERE a.id > (SELECT coalesce(max(audit_id), 0) - 10000 FROM audit_seals)
  AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.audit_id = a.id OFFSET 0)
ORDER BY a.id LIMIT :limit
"""
_ADD = """
INSERT INTO audit_seals (number, audit_id, seal)
SELECT :number + w.place, w.audit_id, decode(w.seal, 'hex')
FROM unnest(CAST(:audit_ids AS bigint[]), CAST(:seals AS text[])) WITH ORDINALITY AS w (audit_id, seal, place)
"""
_CHAIN = "SELECT number, audit_id, seal FROM audit_seals WHERE number >= :from ORDER BY number LIMIT :page"
_LATE = """
SELECT a.id FROM audit a LEFT JOIN audit_seals s ON s.audit_id = a.id
WHERE s.audit_id IS NULL AND a.at < clock_timestamp() - make_interval(secs => :seconds) ORDER BY a.id LIMIT 100
"""
