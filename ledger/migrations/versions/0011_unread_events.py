"""Events that could not be read stay sealed; a follower's last word has its place in the inbox next to its time."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default rewrite no row; nothing changes for workers of the previous version."""
    op.execute(_FOLLOWERS)
    op.execute(_UNREAD)


_FOLLOWERS = """
ALTER TABLE followers
    ADD COLUMN follow_event bigint,
    ADD COLUMN switch_event bigint,
    ADD COLUMN reached_at timestamptz;
"""
_UNREAD = """
CREATE TABLE unread_events (
    event_id bigint PRIMARY KEY REFERENCES zalo_events (id) ON DELETE CASCADE,
    oa text NOT NULL,
    received_at timestamptz NOT NULL,
    sealed bytea NOT NULL,
    fault text NOT NULL,
    set_aside_at timestamptz
);
CREATE INDEX unread_events_oa ON unread_events (oa, event_id);
CREATE TABLE unread_tries (
    event_id bigint NOT NULL REFERENCES unread_events (event_id) ON DELETE CASCADE,
    ability text NOT NULL,
    faults integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (event_id, ability)
);
"""
