"""How often staff hear their unit's numbers, and who gets the probe."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that the previous version leaves empty, and a table that it does not know."""
    op.execute("ALTER TABLE staff ADD COLUMN IF NOT EXISTS news text")
    op.execute("""
    CREATE TABLE IF NOT EXISTS probe_staff (
        oa text PRIMARY KEY,
        follower_id bigint NOT NULL REFERENCES followers (id),
        added_at timestamptz NOT NULL
    )""")
