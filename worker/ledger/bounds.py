"""Closer bounds for one transaction, and what a fault of it says: of the ledger, or of what was asked of it."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from worker.ledger.away import AWAY, is_of_one_statement


def bound(tx: Connection, seconds: float) -> None:
    """No statement of this transaction may take longer than so many seconds from now on."""
    tx.execute(text(f"SET LOCAL statement_timeout = {round(seconds * 1000)}"))


def is_away(fault: BaseException) -> bool:
    """Whether it says that the ledger is away or not migrated, and nothing of what was asked of it."""
    if isinstance(fault, ProgrammingError):
        return True
    return isinstance(fault, AWAY) and not (isinstance(fault, DBAPIError) and is_of_one_statement(fault))


def type_of(fault: BaseException) -> str:
    """The type of a fault, as the driver names it where it is the driver's."""
    return type(fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault).__name__
