"""A lane for each notice, so that a replay of thousands never delays today's notices (incident 8)."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The default serves workers of the previous version, which know no lanes and keep running meanwhile."""
    op.execute("ALTER TABLE notices ADD COLUMN lane smallint NOT NULL DEFAULT 1")
    op.execute("CREATE INDEX notices_due_by_lane ON notices (oa, lane, due_at) WHERE state = 'due'")
    op.execute("DROP INDEX notices_due")
