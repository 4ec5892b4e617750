"""How many connections the ledger's server can take."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_ROOM = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
       (SELECT count(*) FROM pg_stat_activity
        WHERE application_name LIKE 'hcc%' AND datname = current_database()) AS ours,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS open,
       inet_server_port() AS port
"""


@dataclass(frozen=True, slots=True)
class Room:
    """The server's connections."""

    most: int  # the maximum for accounts like ours
    ours: int  # our open connections
    others: int  # those of other programs, as far as we may see them
    pooled: bool  # a connection pool lies between us and the server: then `most` is no limit for us


def room(tx: Connection) -> Room:
    """The server's present numbers; a pool in front shows by a port other than the one we connected to."""
    row = tx.execute(text(_ROOM)).one()
    asked = tx.engine.url.port or 5432
    pooled = row.port is not None and row.port != asked
    return Room(row.most, row.ours, max(0, row.open - row.ours), pooled=pooled)
