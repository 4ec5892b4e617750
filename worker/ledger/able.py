"""Whether the ledger can do what the work needs: not that it answers, but that it takes a write."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from worker.ledger.away import LedgerAway

_WRITE = "UPDATE alembic_version SET version_num = version_num"
_ROOM = "CREATE TEMPORARY TABLE hcc_room ON COMMIT DROP AS SELECT repeat('room', 64) FROM generate_series(1, 256)"
_NO_RIGHT = "42501"


def refusal(ledger: Engine, *, room: bool = False) -> LedgerAway | None:
    """Why the ledger, which is migrated, takes no write now; None where it does. Raises `DBAPIError` of another kind.

    `room` has it find out as well whether a table can grow, which costs some rows in its catalogue.
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
        if getattr(fault.orig, "pgcode", None) != _NO_RIGHT:  # temporary tables are forbidden here: it stays unknown
            raise
