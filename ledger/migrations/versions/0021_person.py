"""The newest notices of a person are found in the index: one phone may have filed thousands of dossiers."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Built without blocking workers, alongside the index that it replaces: each step may be run a second time."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_person_newest")  # left by an interrupted run
        op.execute("CREATE INDEX CONCURRENTLY notices_person_newest ON notices (person_id, id)")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS notices_person")
        op.execute("ALTER INDEX notices_person_newest RENAME TO notices_person")
