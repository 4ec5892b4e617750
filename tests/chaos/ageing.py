"""Time that has passed, without waiting for it: what the ledger's and Redis' clocks wrote is made older."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis
from sqlalchemy import Connection, text

# When an event happened is the dossier database's to say, not the ledger's.
_TIMES = """
SELECT c.relname AS "table", array_agg(a.attname::text) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.atttypid = 'timestamptz'::regtype AND NOT a.attisdropped AND a.attname <> 'event_at'
GROUP BY c.relname
"""
_YOUNG_DOUBTS = """
SELECT coalesce(array_agg(n.id), '{}') FROM notices n WHERE n.state = 'uncertain' AND (
    SELECT max(h.at) FROM history h WHERE h.notice_id = n.id AND h.after = 'uncertain'
) > clock_timestamp() - make_interval(secs => :seconds)
"""
_NOTICE = {"notices": "id", "history": "notice_id", "attempts": "notice_id"}  # the column that names it


def age_ledger(tx: Connection, seconds: float) -> None:
    """All of it was written so much earlier."""
    for table, columns in _times(tx).items():
        _age(tx, table, columns, seconds)


def age_doubts(tx: Connection, seconds: float) -> None:
    """What is uncertain has been so for so long at least, and was tried earlier; its next look is due sooner."""
    times, ids = _times(tx), tx.execute(text(_YOUNG_DOUBTS), {"seconds": seconds}).scalar_one()
    for table in _NOTICE:
        _age(tx, table, times[table], seconds, ids)


def age_witnesses(redis_url: str, seconds: float) -> None:
    """Every mark was made so much earlier by Redis' clock."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        for key in ("hcc:witness:now", "hcc:witness:before"):
            split = {name: entry.split(":") for name, entry in client.hgetall(key).items() if ":" in entry}
            older = {name: f"{tag}:{int(at) - round(seconds)}" for name, (tag, at) in split.items()}
            if older:
                client.hset(key, mapping=older)


def _times(tx: Connection) -> dict[str, list[str]]:
    return {row.table: row.columns for row in tx.execute(text(_TIMES))}


def _age(tx: Connection, table: str, columns: list[str], seconds: float, ids: Sequence[int] | None = None) -> None:
    older = ", ".join(f"{column} = {column} - make_interval(secs => :seconds)" for column in columns)
    which = "true" if ids is None else f"{_NOTICE[table]} = ANY(:ids)"
    tx.execute(text(f"UPDATE {table} SET {older} WHERE {which}"), {"seconds": seconds, "ids": list(ids or ())})
