"""The lists of the console find their notices, causes and units in one index, without the rows themselves."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Built without blocking workers, alongside the indexes that it replaces: each step may be run a second time."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_listed")  # left by an interrupted run
        op.execute("""
            CREATE INDEX CONCURRENTLY notices_listed ON notices (oa, state, id)
            INCLUDE (kind, reason, code_received, unit, recorded_at)
            WHERE state IN ('waiting', 'uncertain', 'dead', 'unreachable', 'quarantined', 'expired')""")
        for replaced in ("notices_held", "notices_quarantined", "notices_expired"):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {replaced}")
