"""The walk can continue among notices of one age, too: an import has thousands of them."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Built without blocking workers, alongside the index that it replaces: each step may be run a second time."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_walk")  # left by an interrupted run
        op.execute("""
            CREATE INDEX CONCURRENTLY notices_walk ON notices (oa, state, fresh_at, id)
            WHERE state IN ('waiting', 'due', 'unreachable')""")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS notices_aging")
