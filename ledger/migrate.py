"""Brings the ledger to the newest migration; safe when several processes start at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from ledger.base.encoding import EncodingError, encoding_fault

_MIGRATIONS = Path(__file__).parent / "migrations"
_ASK_AGAIN_SECONDS = 0.1
_ONE_AT_A_TIME = 4_847_204  # the advisory lock of migrations; any number that nobody else uses


def migrate(ledger: Engine, to: str | None = None) -> tuple[str | None, str]:
    """Run the missing migrations, up to `to` (None: all); returns the revisions before and after.

    Raises `EncodingError` for an empty database that is not UTF-8; an existing ledger in such a database is migrated,
    and its encoding is reported (`operators.checks.ledger`).

    The lock is held by a separate transaction, not by a session: behind PgBouncer a session may change its server with
    each transaction, and migrations commit one by one.
    """
    with _my_turn(ledger), ledger.connect() as connection:
        before = _revision_on(connection)
        if before is None and (fault := encoding_fault(connection)):
            raise EncodingError(fault)
        connection.commit()  # each migration begins its own transactions: an index is built outside of any
        command.upgrade(_config(connection), to or newest())
        connection.commit()
    return before, to or newest()


@contextmanager
def _my_turn(ledger: Engine) -> Iterator[None]:
    """Poll for the lock until nobody else migrates. CREATE INDEX CONCURRENTLY waits for every running statement; a
    statement blocked on the lock would deadlock with it."""
    with ledger.connect() as turn:
        while not turn.execute(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": _ONE_AT_A_TIME}).scalar_one():
            turn.rollback()
            time.sleep(_ASK_AGAIN_SECONDS)
        yield


def missing(ledger: Engine) -> list[str]:
    """The migrations that this code needs and the ledger lacks, oldest first.

    A ledger newer than the code is fine: migrations first expand, and contract a release later.
    """
    with ledger.connect() as connection:
        current = _revision_on(connection)
    script = ScriptDirectory.from_config(_config(None))
    known = [revision.revision for revision in script.walk_revisions()]  # newest first
    if current is not None and current not in known:
        return []
    return list(reversed(known[: known.index(current)] if current else known))


def newest() -> str:
    """The newest revision of this code."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    return head


def _revision_on(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
