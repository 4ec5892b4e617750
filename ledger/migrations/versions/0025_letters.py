"""Versions of the templates, and on each notice the version by which its text was made."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column without a default rewrites no row; workers of the previous version leave it empty."""
    for table in ("notices", "notices_past"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS template_version integer")
    op.execute("CREATE OR REPLACE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past")
    op.execute(_LETTERS)
    op.execute("""
    CREATE UNIQUE INDEX IF NOT EXISTS letters_in_use ON letters (oa, kind) INCLUDE (version)
    WHERE used_since IS NOT NULL""")


_LETTERS = """
CREATE TABLE IF NOT EXISTS letters (
    oa text NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    form text,
    digest text NOT NULL,
    origin text NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    refused_by text,
    refused_at timestamptz,
    refused_why text,
    used_since timestamptz,
    PRIMARY KEY (oa, kind, version)
)
"""
