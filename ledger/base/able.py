"""Checks that the ledger can do its work: not only that it answers, but that it accepts a write."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from ledger.base.away import LedgerAway

_WRITE = "UPDATE alembic_version SET version_num = version_num"
_ROOM = "CREATE TEMPORARY TABLE hcc_room ON COMMIT DROP AS SELECT repeat('room', 64) FROM generate_series(1, 256)"
_NO_RIGHT = "42501"


def refusal(ledger: Engine, *, room: bool = False) -> LedgerAway | None:
    """Why the migrated ledger accepts no write now; None where it does. Raises `DBAPIError` for any other fault.

    `room` also checks whether a table can grow, which costs some rows in the system catalogue.
    """
    try:
        with ledger.begin() as tx:
            tx.execute(text(_WRITE))
        if room:
            _grow(ledger)
    except LedgerAway as away:
        return away
    return None


def _grow(ledger: Engine) -> None:
    try:
        with ledger.begin() as tx:
            tx.execute(text(_ROOM))
    except DBAPIError as fault:
        if getattr(fault.orig, "pgcode", None) != _NO_RIGHT:  # temporary tables are forbidden: it stays unknown
            raise
