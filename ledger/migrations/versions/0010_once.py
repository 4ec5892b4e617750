"""How a ledger that lost commits is recognised: tags of tries, times of doubt, setbacks. And the order of rows."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No row is rewritten; workers of the previous version keep running. The index is built without blocking them."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX IF EXISTS notices_quarantined")  # left by an interrupted run
        op.execute(_QUARANTINED)
    op.execute(_COLUMNS.format(table="notices"))
    op.execute(_COLUMNS.format(table="notices_past"))
    op.execute("CREATE OR REPLACE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past")
    op.execute(_SETBACKS)


_QUARANTINED = "CREATE INDEX CONCURRENTLY notices_quarantined ON notices (oa, id) WHERE state = 'quarantined'"
_COLUMNS = """
ALTER TABLE {table}
    ADD COLUMN tried_under text,
    ADD COLUMN maybe_since timestamptz,
    ADD COLUMN source_row bigint NOT NULL DEFAULT 0
"""
_SETBACKS = """
CREATE TABLE setbacks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sort text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    synced text[] NOT NULL DEFAULT '{}'
)
"""
