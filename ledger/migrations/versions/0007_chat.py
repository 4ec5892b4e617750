"""The chat: who wants no notices, whose questions exceeded the limit; the staff who get a digest."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_FOLLOWERS)
    op.execute(_STAFF)


_FOLLOWERS = """
ALTER TABLE followers
    ADD COLUMN notices_off boolean NOT NULL DEFAULT false,
    ADD COLUMN switched_at timestamptz,
    ADD COLUMN ignored integer NOT NULL DEFAULT 0;
"""
_STAFF = """
CREATE TABLE staff (
    oa text NOT NULL,
    follower_id bigint NOT NULL REFERENCES followers (id),
    unit text NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (oa, follower_id, unit)
);
"""
