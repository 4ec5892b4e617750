"""Unreadable fields of the source are listed until they can be read; notices with an unknown word are held."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column without a default rewrites no row; workers of the previous version hold no notices, as before.

    The index is built without blocking them, which ends the transaction: each step may be run a second time.
    """
    op.execute("ALTER TABLE notices ADD COLUMN IF NOT EXISTS held jsonb")
    op.execute("ALTER TABLE notices_past ADD COLUMN IF NOT EXISTS held jsonb")
    op.execute("CREATE OR REPLACE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past")
    op.execute(_ODDITIES)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_kept_back")  # left by an interrupted run
        op.execute("CREATE INDEX CONCURRENTLY notices_kept_back ON notices (oa, code) WHERE held IS NOT NULL")


_ODDITIES = """
CREATE TABLE IF NOT EXISTS oddities (
    oa text NOT NULL,
    code text NOT NULL,
    source_row text NOT NULL,
    field text NOT NULL,
    why text NOT NULL,
    mark text,
    since timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    times integer NOT NULL,
    PRIMARY KEY (oa, code, source_row, field)
)
"""
