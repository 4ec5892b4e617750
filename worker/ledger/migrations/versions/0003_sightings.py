"""Sightings: in which state each dossier was last seen that may still tell something."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_TABLE)


_TABLE = """
CREATE TABLE sightings (
    oa text NOT NULL,
    code text NOT NULL,
    digest bigint NOT NULL,
    PRIMARY KEY (oa, code)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
"""
