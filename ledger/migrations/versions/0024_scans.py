"""Scans of the posters' short links: a number per unit and day."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table that the previous version does not know."""
    op.execute("""
    CREATE TABLE IF NOT EXISTS scans (
        oa text NOT NULL,
        unit text NOT NULL,
        day date NOT NULL,
        number bigint NOT NULL,
        PRIMARY KEY (oa, unit, day)
    )""")
