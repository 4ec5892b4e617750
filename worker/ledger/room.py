"""How many connections the ledger's server has room for."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_ROOM = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
       (SELECT count(DISTINCT client_addr) FROM pg_stat_activity WHERE application_name = 'hcc worker') AS hosts,
       inet_server_port() AS port
"""


@dataclass(frozen=True, slots=True)
class Room:
    """What the server tells of connections."""

    most: int  # for accounts like ours
    hosts: int  # from which workers come
    pooled: bool  # somebody stands between us and it: then `most` is not ours to compare with


def room(tx: Connection) -> Room:
    """As the server tells it now; that there is a pool in front shows by a port other than the one we went to."""
    row = tx.execute(text(_ROOM)).one()
    asked = tx.engine.url.port or 5432
    return Room(row.most, row.hosts, pooled=row.port is not None and row.port != asked)
