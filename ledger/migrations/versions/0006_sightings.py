"""Sightings: the last seen state of each dossier that may still have events."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
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
