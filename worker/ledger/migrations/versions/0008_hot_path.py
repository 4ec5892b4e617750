"""What each delivery pays: no foreign keys at attempts and history, ages by index; the parts of an attempt's time."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No row is rewritten; workers of the previous version go on. The new index is built without blocking them.

    It comes first: whatever breaks it off, all can be run again.
    """
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_aging")  # of an attempt that was broken off
        op.execute(_AGING)
    op.execute("ALTER TABLE attempts ADD COLUMN connect_ms integer, ADD COLUMN first_byte_ms integer")
    op.execute("ALTER TABLE attempts DROP CONSTRAINT attempts_notice_id_fkey")
    op.execute("ALTER TABLE history DROP CONSTRAINT history_notice_id_fkey")
    op.execute("ALTER TABLE notices SET (autovacuum_analyze_scale_factor = 0.02)")


_AGING = """
CREATE INDEX CONCURRENTLY notices_aging ON notices (oa, state, fresh_at)
    WHERE state IN ('waiting', 'due', 'unreachable')
"""
