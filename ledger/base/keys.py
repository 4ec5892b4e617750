"""Checks at start that the configured keys open the ledger's data, instead of failing citizen by citizen."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ledger.base.sealing import Sealer, SealError

_SEALED = {
    "khóa tìm số điện thoại": "SELECT key_sealed FROM keyring",
    "token Zalo": "SELECT access_sealed FROM credentials WHERE oa = ANY(:oas)",
    "số điện thoại": "SELECT phone_sealed FROM people WHERE phone_sealed <> '' ORDER BY id DESC LIMIT 1",
}
"""The operator's name → a query for samples: the newest phone stands for all phones."""


def shut(connection: Connection, sealer: Sealer, oas: Sequence[str]) -> list[str]:
    """The names of the data that the keys do not open; tokens only of these OAs."""
    found = {name: connection.execute(text(query), {"oas": list(oas)} if ":oas" in query else {}).scalars().all()
             for name, query in _SEALED.items()}  # fmt: skip
    return [name for name, sealed in found.items() if _any_shut(sealer, sealed)]


def _any_shut(sealer: Sealer, sealed: Sequence[bytes]) -> bool:
    return any(isinstance(opened, SealError) for opened in sealer.open_all(map(bytes, sealed)).values())
