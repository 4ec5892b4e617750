"""How many notices a switch holds back, as counted the last time, and when that was."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns that the previous version neither reads nor writes."""
    op.execute("ALTER TABLE switches ADD COLUMN IF NOT EXISTS held bigint")
    op.execute("ALTER TABLE switches ADD COLUMN IF NOT EXISTS held_at timestamptz")
