"""The channels: which one said no to a notice, the cost of an attempt and of a day, which followers were looked up."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns with a constant default: no row is rewritten, and workers of the previous version keep running.
    op.execute("ALTER TABLE notices ADD COLUMN said_no text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE attempts ADD COLUMN dong integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE followers ADD COLUMN synced_at timestamptz")
    op.execute("""
        CREATE TABLE spending (
            oa text NOT NULL,
            channel text NOT NULL,
            day date NOT NULL,
            messages integer NOT NULL,
            dong bigint NOT NULL,
            PRIMARY KEY (oa, channel, day)
        )""")
