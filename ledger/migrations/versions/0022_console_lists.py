"""Lists of the console: indexes for its pages, acts that go on in the background, and seals of the audit."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column has a default, so that workers of the previous version go on; indexes are built without blocking."""
    op.execute("ALTER TABLE acts ADD COLUMN IF NOT EXISTS in_background boolean NOT NULL DEFAULT false")
    op.execute("""
        CREATE TABLE IF NOT EXISTS audit_seals (
            number bigint PRIMARY KEY,
            audit_id bigint NOT NULL CONSTRAINT audit_seals_audit_id UNIQUE,
            seal bytea NOT NULL
        )""")
    with op.get_context().autocommit_block():
        for name, of in _INDEXES.items():
            op.execute(f"DROP INDEX IF EXISTS {name}")  # left by an interrupted run
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {of}")


_INDEXES = {
    "notices_expired": "notices (oa, id) WHERE state = 'expired'",
    "acts_open": "acts (id) WHERE until IS NULL AND stopped_at IS NULL",
    "audit_by": 'audit ("by", id)',
}
