"""The lists of a unit find its notices by its code, without walking over those of all other units."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Built without blocking workers; it may be run a second time."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_of_unit")  # left by an interrupted run
        op.execute("""
            CREATE INDEX CONCURRENTLY notices_of_unit ON notices (oa, state, unit COLLATE "C", id)
            INCLUDE (kind, reason, code_received, recorded_at)
            WHERE state IN ('uncertain', 'dead', 'unreachable', 'quarantined', 'expired')""")
