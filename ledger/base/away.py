"""Whether the ledger is away: the one table of PostgreSQL errors that mean "cannot work now, perhaps in a moment".

A server that refuses is as far away as one that does not answer: after a switch-over the old one stays up, read-only,
and keeps its sessions. So every error in this table is raised as `LedgerAway`, and its session is discarded with all
others of the pool: new ones are opened by the address, which may lead to another server.
"""

from __future__ import annotations

from psycopg2 import Error as DriverError
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

NOT_NOW = {
    "08": "connection broken",
    "25006": "read-only",  # demoted but alive, in recovery, or configured so (`default_transaction_read_only`)
    "25P03": "session ended",
    "25P04": "session ended",
    "53000": "out of resources",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "57P": "shutting down or starting",
    "58000": "input or output fails",
    "58030": "input or output fails",
}
"""SQLSTATE or its prefix → the server's fault. A state that is not in it is the fault of one statement alone."""


class LedgerAway(OperationalError):  # noqa: N818 (a state of the world, as the callers read it, not an error of theirs)
    """The ledger cannot work now, whatever the statement; the transaction is lost, unless a commit got through.

    The text is the driver's. Log only `why_away`.
    """


AWAY = (OperationalError, PoolTimeout)
"""The errors on which a caller postpones its work: the ledger is away; a statement or a wait for a lock took too long
(`psycopg2` counts these as operational); or all connections of this process are in use."""


def why_away(fault: BaseException) -> str:
    """The kind of a fault for a log line, without the driver's text, which may quote a row."""
    cause = getattr(fault, "orig", None) or fault
    state = getattr(cause, "pgcode", None)
    known = _known(state)
    return f"{known} ({state})" if known else type(cause).__name__


def note_absence(context: ExceptionContext) -> LedgerAway | None:
    """For SQLAlchemy's `handle_error`: `LedgerAway` if the ledger is away, and then its sessions are discarded."""
    cause = context.original_exception
    if not isinstance(cause, DriverError):
        return None
    unheard = context.connection is None and getattr(cause, "pgcode", None) is None  # the connection was refused
    if not (context.is_disconnect or unheard or _known(getattr(cause, "pgcode", None))):
        return None
    context.is_disconnect = True
    told = context.sqlalchemy_exception
    statement = told.statement if isinstance(told, DBAPIError) else None
    return LedgerAway(statement, None, cause, hide_parameters=True, connection_invalidated=True)


def is_of_one_statement(fault: DBAPIError) -> bool:
    """Whether the ledger is there and only this statement failed: it took too long, or waited too long for a lock."""
    return not isinstance(fault, LedgerAway) and getattr(fault.orig, "pgcode", None) is not None


def _known(state: str | None) -> str | None:
    return next((NOT_NOW[state[:end]] for end in (5, 3, 2) if state and state[:end] in NOT_NOW), None)
