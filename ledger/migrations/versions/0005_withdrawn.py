"""Notices remember that they were withdrawn while a worker held them, and what was wrong with a phone field."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_COLUMNS)


_COLUMNS = """
ALTER TABLE notices
    ADD COLUMN withdrawn text,
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN phone_fault text,
    ADD COLUMN phone_seen text;
CREATE INDEX notices_phone_fault ON notices (oa, id) WHERE phone_fault IS NOT NULL;
CREATE INDEX notices_supplements ON notices (oa, id) WHERE kind = 'supplement_required';
CREATE INDEX notices_recorded ON notices USING brin (recorded_at) WITH (autosummarize = on);
"""
