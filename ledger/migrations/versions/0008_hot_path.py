"""Cheaper deliveries: no foreign keys on attempts and history, an index of ages; the parts of an attempt's time."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No row is rewritten; workers of the previous version keep running. The new index is built without blocking them.

    The index comes first: if it is interrupted, the whole migration can be run again.
    """
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_aging")  # left by an interrupted run
        op.execute(_AGING)
    op.execute("ALTER TABLE attempts ADD COLUMN connect_ms integer, ADD COLUMN first_byte_ms integer")
    op.execute("ALTER TABLE attempts DROP CONSTRAINT attempts_notice_id_fkey")
    op.execute("ALTER TABLE history DROP CONSTRAINT history_notice_id_fkey")
    op.execute("ALTER TABLE notices SET (autovacuum_analyze_scale_factor = 0.02)")


_AGING = """
CREATE INDEX CONCURRENTLY notices_aging ON notices (oa, state, fresh_at)
    WHERE state IN ('waiting', 'due', 'unreachable')
"""
