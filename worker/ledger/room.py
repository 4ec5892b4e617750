"""How many connections the ledger's server has room for."""

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
    """What the server tells of connections."""

    most: int  # for accounts like ours
    ours: int  # that are open now
    others: int  # of other programs, as far as they are shown to us
    pooled: bool  # somebody stands between us and it: then `most` is not ours to compare with


def room(tx: Connection) -> Room:
    """As the server tells it now; that there is a pool in front shows by a port other than the one we went to."""
    row = tx.execute(text(_ROOM)).one()
    asked = tx.engine.url.port or 5432
    pooled = row.port is not None and row.port != asked
    return Room(row.most, row.ours, max(0, row.open - row.ours), pooled=pooled)
