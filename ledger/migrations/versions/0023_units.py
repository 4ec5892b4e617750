"""The list of units, roll-ups for reports, and the indexes by time from which roll-ups are recomputed."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BY_TIME = ("attempts", "history")


def upgrade() -> None:
    """Tables that the previous version does not know, and a nullable column, which rewrites no row.

    The indexes are built month by month without blocking workers: each step may be run a second time.
    """
    op.execute("ALTER TABLE switches ADD COLUMN IF NOT EXISTS units text[]")
    for table in _TABLES:
        op.execute(table)
    with op.get_context().autocommit_block():
        for table in _BY_TIME:
            _build(table)


def _build(table: str) -> None:
    how = "USING brin (at) WITH (autosummarize = on)"
    op.execute(f"DROP INDEX IF EXISTS {table}_at")  # left by an interrupted run, with the parts that it has
    op.execute(f"CREATE INDEX {table}_at ON ONLY {table} {how}")
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:t AS regclass) ORDER BY 1"
    for part in list(op.get_bind().execute(text(query), {"t": table}).scalars()):
        op.execute(f"DROP INDEX IF EXISTS {part}_at_idx")
        op.execute(f"CREATE INDEX CONCURRENTLY {part}_at_idx ON {part} {how}")
        op.execute(f"ALTER INDEX {table}_at ATTACH PARTITION {part}_at_idx")


_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS units (
        oa text NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        parent text,
        valid_from date,
        valid_until date,
        successor text,
        PRIMARY KEY (oa, code)
    )""",
    """
    CREATE TABLE IF NOT EXISTS tally_minute (
        oa text NOT NULL,
        at timestamptz NOT NULL,
        channel text NOT NULL,
        outcome text NOT NULL,
        code integer,
        number bigint NOT NULL,
        dong bigint NOT NULL,
        delays bigint[] NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS tally_minute_at ON tally_minute (at)",
    """
    CREATE TABLE IF NOT EXISTS tally_day (
        oa text NOT NULL,
        day date NOT NULL,
        unit text,
        kind text NOT NULL,
        state text NOT NULL,
        cause text,
        channel text,
        number bigint NOT NULL,
        dong bigint NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS tally_day_day ON tally_day (day, oa)",
    """
    CREATE TABLE IF NOT EXISTS tally_tries (
        oa text NOT NULL,
        day date NOT NULL,
        unit text,
        kind text NOT NULL,
        channel text NOT NULL,
        outcome text NOT NULL,
        number bigint NOT NULL,
        dong bigint NOT NULL,
        delays bigint[] NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS tally_tries_day ON tally_tries (day, oa)",
    "CREATE TABLE IF NOT EXISTS tally_rounds (name text PRIMARY KEY, began_at timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tally_stale (day date PRIMARY KEY)",
)
