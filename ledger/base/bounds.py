"""A shorter time-out for one transaction, and whether a fault is the ledger's or that of the statement."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from ledger.base.away import AWAY, is_of_one_statement


def bound(tx: Connection, seconds: float) -> None:
    """From now on, no statement of this transaction may take longer than `seconds`."""
    tx.execute(text(f"SET LOCAL statement_timeout = {round(seconds * 1000)}"))


def is_away(fault: BaseException) -> bool:
    """Whether the fault means that the ledger is away or not migrated, and not that the statement is wrong."""
    if isinstance(fault, ProgrammingError):
        return True
    return isinstance(fault, AWAY) and not (isinstance(fault, DBAPIError) and is_of_one_statement(fault))


def type_of(fault: BaseException) -> str:
    """The type name of a fault: the driver's type where the driver raised it."""
    return type(fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault).__name__
