"""Attempts and history by month, old notices in a table of their own: retention drops months."""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import text

from ledger.archive import partitions

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("history", "attempts")  # in the order in which a completion writes them, so that no two deadlock


def upgrade() -> None:
    """No row is moved or rewritten: existing rows become the first partition of each table, and workers keep running.

    Their fit is checked beforehand by one scan of each table, which blocks nobody. Rows written meanwhile belong to the
    first partition too, so it ends with the month after this one. Then workers wait for a moment.
    """
    this = partitions.month_of(datetime.now(UTC))
    until = partitions.months_on(this, 2)
    filled = [table for table in _TABLES if _scalar(f"SELECT EXISTS (SELECT FROM {table})")]
    with op.get_context().autocommit_block():
        for table in filled:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_first_until")  # of an interrupted run
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_first_until CHECK (at < '{until}') NOT VALID")
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_first_until")
    op.execute(f"LOCK TABLE {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE")
    for table in _TABLES:
        _divide(table)
        if table in filled:
            op.execute(f"ALTER TABLE {table} ATTACH PARTITION {table}_first FOR VALUES FROM (MINVALUE) TO ('{until}')")
            op.execute(f"ALTER TABLE {table}_first DROP CONSTRAINT {table}_first_until")
        else:
            op.execute(f"DROP TABLE {table}_first")
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        op.execute(f"CREATE INDEX ix_{table}_notice_id ON {table} (notice_id)")  # takes over the first partition's own
        partitions.make(op.get_bind(), table, partitions.coming(this))
    op.execute(_PAST)


def _divide(table: str) -> None:
    """The table becomes its own first partition, under a new table of its name that continues its numbering."""
    following = _scalar(f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP IDENTITY")
    op.execute(f"ALTER INDEX ix_{table}_notice_id RENAME TO {table}_first_notice_id_idx")
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_first")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_first INCLUDING DEFAULTS) PARTITION BY RANGE (at)")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START WITH {following})")


def _scalar(question: str) -> object:
    return op.get_bind().execute(text(question)).scalar_one()


_PAST = """
CREATE TABLE notices_past (LIKE notices) PARTITION BY RANGE (recorded_at);
CREATE INDEX notices_past_code ON notices_past (oa, code);
CREATE INDEX notices_past_person ON notices_past (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX notices_past_follower ON notices_past (follower_id) WHERE follower_id IS NOT NULL;
CREATE INDEX notices_past_recorded ON notices_past USING brin (recorded_at);
CREATE TABLE notices_past_default PARTITION OF notices_past DEFAULT;
CREATE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past;
"""
