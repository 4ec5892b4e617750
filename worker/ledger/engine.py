"""Opening the ledger: one pool a process, short transactions, bounded waits."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine

_CONNECT_SECONDS = 5
_STATEMENT_MS = 30_000
_LOCK_MS = 10_000


def open_ledger(url: str, *, name: str = "hcc") -> Engine:
    """An engine for the ledger at `url` (`postgresql+psycopg2://…`). Connects lazily; `name` shows in pg_stat_activity.

    A connection that the server dropped (restart, fail-over) is noticed before use and replaced.
    """
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=2,
        max_overflow=3,
        hide_parameters=True,  # parameters hold personal data and would stand in the text of an exception
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": name,
            "options": f"-c timezone=UTC -c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}",
        },
    )
