"""Since when a notice is known to be true, the source's spelling of its dossier, what was told but is no longer so."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No row is rewritten: a constant default is stored outside the table. Workers of the previous version go on.

    Existing notices count as compared now, and so do those that an older producer records from here on.
    """
    op.execute(_COLUMNS.format(table="notices"))
    op.execute(_COLUMNS.format(table="notices_past"))
    op.execute("CREATE OR REPLACE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past")
    op.execute(_RENAMES)
    with op.get_context().autocommit_block():  # commits the above; an interrupted run begins anew
        op.execute("DROP INDEX IF EXISTS notices_amiss")
        op.execute("CREATE INDEX CONCURRENTLY notices_amiss ON notices (oa, id) WHERE no_longer_so IS NOT NULL")


_COLUMNS = """
ALTER TABLE {table}
    ADD COLUMN IF NOT EXISTS true_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS source_code text,
    ADD COLUMN IF NOT EXISTS no_longer_so text
"""
_RENAMES = """
CREATE TABLE IF NOT EXISTS dossier_keys (
    oa text NOT NULL,
    key_hash bigint NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (oa, key_hash)
)
"""
