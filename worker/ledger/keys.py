"""Whether the keys at hand open what the ledger has: told at a start, not citizen by citizen."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from worker.ledger.sealing import Sealer, SealError

_SEALED = {
    "khóa tìm số điện thoại": "SELECT key_sealed FROM keyring",
    "token Zalo": "SELECT access_sealed FROM credentials WHERE oa = ANY(:oas)",
    "số điện thoại": "SELECT phone_sealed FROM people WHERE phone_sealed <> '' ORDER BY id DESC LIMIT 1",
}
"""What operators call it → some of it: of phones the one that came last stands for all."""


def shut(connection: Connection, sealer: Sealer, oas: Sequence[str]) -> list[str]:
    """What the keys do not open, as operators call it; of tokens those of these OAs."""
    found = {name: connection.execute(text(query), {"oas": list(oas)} if ":oas" in query else {}).scalars().all()
             for name, query in _SEALED.items()}  # fmt: skip
    return [name for name, sealed in found.items() if _any_shut(sealer, sealed)]


def _any_shut(sealer: Sealer, sealed: Sequence[bytes]) -> bool:
    return any(isinstance(opened, SealError) for opened in sealer.open_all(map(bytes, sealed)).values())
