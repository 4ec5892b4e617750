"""Opens the ledger: one pool per process, short transactions, bounded waits.

The session keeps no state, so the ledger may lie behind PgBouncer in transaction mode, whatever its settings. A
transaction sets what it needs (UTC, time-outs for statements and locks) in the round trip of its first statement.
PgBouncer would refuse these as connection options, or ignore them without a word (`ignore_startup_parameters`).

The server behind the address may change: by a fail-over, by a switch-over that leaves the old server up with its
sessions, or by a host that vanishes without a word. So nothing here is trusted for long:

| fault                                        | detected                                                 |
|----------------------------------------------|----------------------------------------------------------|
| a session that cannot write                  | within a second of use; the whole pool is discarded      |
| a refusal that means "not now" (`away`)      | at once; the whole pool is discarded                     |
| a host that vanished                         | by the kernel, in ten seconds                            |
| a server that hangs                          | some seconds after a statement should have ended         |
| any other change of an address               | when a connection has lived for five minutes             |
"""

from __future__ import annotations

import re
import time
from typing import Any

from psycopg2 import Error as DriverError
from psycopg2.extensions import STATUS_READY, connection, cursor
from pydantic_core import from_json
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from config.connections import LEDGER_KEPT, LEDGER_MORE
from ledger.base.away import note_absence
from ledger.base.overdue import OVERDUE

_CONNECT_SECONDS = 5
_VANISHED_SECONDS = 10  # no acknowledgement of sent data for this long: the host is gone
_ASK_SECONDS = 1.0
_LIFE_SECONDS = 300
_STATEMENT_SECONDS = 30.0
_LOCK_SECONDS = 10.0
_OVERDUE_SECONDS = 5.0  # beyond the statement time-out
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": _VANISHED_SECONDS * 1000,
}
"""Parameters of libpq, by which a connection to a host that vanished ends."""

_CAN_IT_WRITE = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
_BOUNDED_ALONE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


def open_ledger(
    url: str,
    *,
    name: str = "hcc",
    statement_seconds: float = _STATEMENT_SECONDS,
    kept: int = LEDGER_KEPT,
    more: int = LEDGER_MORE,
) -> Engine:
    """An engine for the ledger at `url` (`postgresql+psycopg2://…`). Connects lazily; `name` shows in pg_stat_activity.

    A session that the server dropped, or that cannot write any more, is detected before use and replaced, unless it was
    checked a moment ago: a worker takes one batch after the other, and a check before each would cost a round trip.
    `statement_seconds` bounds each statement, and each wait for a lock. `kept` connections stay open, `more` are opened
    under load.
    """
    engine = create_engine(
        url,
        pool_size=kept,
        max_overflow=more,
        pool_recycle=_LIFE_SECONDS,
        json_deserializer=from_json,
        hide_parameters=True,  # parameters hold personal data and would appear in the text of an exception
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": name,
            "client_encoding": "utf8",  # overrides PGCLIENTENCODING and the role's setting; PgBouncer keeps it
            "connection_factory": BoundedSession,
            "cursor_factory": BoundedCursor,
            **KEEPALIVE,
        },
    )

    def bound(session: BoundedSession, record: ConnectionPoolEntry) -> None:
        session.bounds, session.longest = _bounds(statement_seconds), statement_seconds + _OVERDUE_SECONDS
        record.info["asked_at"] = time.monotonic()

    event.listen(engine, "connect", bound)
    event.listen(engine, "checkout", _ask_now_and_then)
    event.listen(engine, "handle_error", note_absence)
    return engine


def _bounds(seconds: float) -> str:
    """The settings of a transaction, sent in the round trip of its first statement."""
    statement, lock = round(seconds * 1000), round(min(seconds, _LOCK_SECONDS) * 1000)
    return f"SET LOCAL timezone = 'UTC'; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; "


def _ask_now_and_then(session: BoundedSession, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Check that the session can write.

    A server that was demoted while alive keeps answering, but its data is old and it accepts no write.
    """
    if time.monotonic() - record.info["asked_at"] < _ASK_SECONDS:
        return
    ticket = OVERDUE.begin(session, _OVERDUE_SECONDS)
    try:
        with session.cursor(cursor_factory=cursor) as asking:
            asking.execute(_CAN_IT_WRITE)
            writes = bool(asking.fetchone()[0])
        session.rollback()
    except DriverError:
        raise DisconnectionError from None  # the pool opens another one
    finally:
        OVERDUE.end(ticket)
    record.info["asked_at"] = time.monotonic()
    if not writes:
        raise InvalidatePoolError


class BoundedSession(connection):  # type: ignore[misc]  # psycopg2 ships no types
    """A connection with time-outs for its transactions, on which no thread waits for ever."""

    bounds: str = _bounds(_STATEMENT_SECONDS)
    longest: float = _STATEMENT_SECONDS + _OVERDUE_SECONDS  # seconds; then an answer is overdue

    def commit(self) -> None:
        """As psycopg2's."""
        ticket = OVERDUE.begin(self, self.longest)
        try:
            super().commit()
        finally:
            OVERDUE.end(ticket)

    def rollback(self) -> None:
        """As psycopg2's."""
        ticket = OVERDUE.begin(self, self.longest)
        try:
            super().rollback()
        finally:
            OVERDUE.end(ticket)


def bounded_session(seconds: float) -> type[BoundedSession]:
    """The sessions of somebody else's engine, each statement of which may take so long. With `BoundedCursor` only."""
    limits = {"bounds": _bounds(seconds), "longest": seconds + _OVERDUE_SECONDS}
    return type(BoundedSession.__name__, (BoundedSession,), limits)


class BoundedCursor(cursor):  # type: ignore[misc]  # psycopg2 ships no types
    """Begins each transaction with our time-outs. Several statements in one message: one round trip, one transaction.

    Outside a transaction (AUTOCOMMIT) each statement is its own transaction. So it gets the time-outs too, except the
    kinds that must stand alone (VACUUM, CREATE INDEX CONCURRENTLY).
    """

    def execute(self, query: Any, parameters: Any = None) -> None:
        """As psycopg2's."""
        session, alone = self.connection, False
        if session.status == STATUS_READY:
            if isinstance(query, str) and self.name is None:
                alone = session.autocommit and not _BOUNDED_ALONE.match(query)
                query = query if alone else session.bounds + query
            else:
                self._begin()
        if alone:  # no time-out
            super().execute(query, parameters)
            return
        ticket = OVERDUE.begin(session, session.longest)
        try:
            super().execute(query, parameters)
        finally:
            OVERDUE.end(ticket)

    def executemany(self, query: Any, parameters: Any) -> None:
        """As psycopg2's, which does not call `execute`."""
        self._begin()
        super().executemany(query, parameters)

    def copy_expert(self, *words: Any, **more: Any) -> None:
        """As psycopg2's."""
        self._begin()
        super().copy_expert(*words, **more)

    def _begin(self) -> None:
        if self.connection.status == STATUS_READY and not self.connection.autocommit:
            with self.connection.cursor(cursor_factory=cursor) as plain:
                plain.execute(self.connection.bounds)
