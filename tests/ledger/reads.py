"""How many rows the ledger's transactions read: their own, not those that autovacuum reads for an index beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text

_READ = text("""
    SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0)
    FROM pg_class c
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
    WHERE c.relkind IN ('r', 'i') AND t.relname ~ :tables
""")


def counting(url: str) -> Engine:
    """An engine for `read_within`.

    It keeps no connection: the counters of a connection go on from one transaction to the next. It makes no parallel
    query: the processes of one have counters of their own.
    """
    return create_engine(url, poolclass=NullPool, connect_args={"options": "-c max_parallel_workers_per_gather=0"})


@contextmanager
def read_within(engine: Engine, tables: str) -> Iterator[list[int]]:
    """For each transaction that is committed: how many rows of `tables` (a pattern), or entries of indexes, it read."""
    reads = list[int]()

    def note(tx: Connection) -> None:
        reads.append(int(tx.execute(_READ, {"tables": tables}).scalar_one()))

    event.listen(engine, "commit", note)
    try:
        yield reads
    finally:
        event.remove(engine, "commit", note)
