"""Opening the ledger: one pool a process, short transactions, bounded waits.

Nothing is kept in the session, so that the ledger may lie behind PgBouncer in transaction mode, whatever its settings:
what a transaction needs (UTC, bounds for statements and locks) is set in it, in the round trip of its first statement.
As options of the connection PgBouncer would refuse them, or ignore them without a word (`ignore_startup_parameters`).
"""

from __future__ import annotations

import re
import time
from typing import Any

from psycopg2 import Error as DriverError
from psycopg2.extensions import STATUS_READY, cursor
from pydantic_core import from_json
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from config.connections import LEDGER_KEPT, LEDGER_MORE

_CONNECT_SECONDS = 5
_IDLE_SECONDS = 1.0
_STATEMENT_MS = 30_000
_LOCK_MS = 10_000
_BOUNDS = (
    f"SET LOCAL timezone = 'UTC'; SET LOCAL statement_timeout = {_STATEMENT_MS}; SET LOCAL lock_timeout = {_LOCK_MS}; "
)
_BOUNDED_ALONE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


def open_ledger(url: str, *, name: str = "hcc") -> Engine:
    """An engine for the ledger at `url` (`postgresql+psycopg2://…`). Connects lazily; `name` shows in pg_stat_activity.

    A connection that the server dropped (restart, fail-over) is noticed before use and replaced, if it has been idle
    for a moment: who works on one takes a batch after the other, and a question before each costs a round trip.
    """
    engine = create_engine(
        url,
        pool_size=LEDGER_KEPT,
        max_overflow=LEDGER_MORE,
        json_deserializer=from_json,
        hide_parameters=True,  # parameters hold personal data and would stand in the text of an exception
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": name,
            "client_encoding": "utf8",  # whatever the host's PGCLIENTENCODING or the role says; PgBouncer keeps it
            "cursor_factory": BoundedCursor,
        },
    )
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _ask_who_was_idle)
    return engine


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ask_who_was_idle(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    if time.monotonic() - record.info.get("used_at", time.monotonic()) < _IDLE_SECONDS:
        return
    try:
        with connection.cursor(cursor_factory=cursor) as asking:
            asking.execute("SELECT 1")
        connection.rollback()
    except DriverError:
        raise DisconnectionError from None  # the pool opens another one


class BoundedCursor(cursor):  # type: ignore[misc]  # psycopg2 ships no types
    """Begins each transaction with our bounds. Several statements in one message are one round trip, one transaction.

    Without a transaction around it (AUTOCOMMIT) a statement is one by itself: so it is bounded too, unless it is of the
    kind that must stand alone (VACUUM, CREATE INDEX CONCURRENTLY).
    """

    def execute(self, query: Any, parameters: Any = None) -> None:
        """As psycopg2's."""
        if self.connection.status == STATUS_READY:
            if isinstance(query, str) and self.name is None:
                alone = self.connection.autocommit and not _BOUNDED_ALONE.match(query)
                query = query if alone else _BOUNDS + query
            else:
                self._begin()
        super().execute(query, parameters)

    def executemany(self, query: Any, parameters: Any) -> None:
        """As psycopg2's, which does not come by `execute`."""
        self._begin()
        super().executemany(query, parameters)

    def copy_expert(self, *words: Any, **more: Any) -> None:
        """As psycopg2's."""
        self._begin()
        super().copy_expert(*words, **more)

    def _begin(self) -> None:
        if self.connection.status == STATUS_READY and not self.connection.autocommit:
            with self.connection.cursor(cursor_factory=cursor) as plain:
                plain.execute(_BOUNDS)
