"""Alarms for operators, and the staff who get them in the chat."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables that no process of the previous version knows."""
    op.execute("""
        CREATE TABLE alarms (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            oa text NOT NULL,
            cause text NOT NULL,
            says text NOT NULL,
            began_at timestamptz NOT NULL,
            ended_at timestamptz,
            mailed_at timestamptz,
            end_mailed_at timestamptz
        )""")
    op.execute("CREATE UNIQUE INDEX alarms_open ON alarms (oa, cause) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX alarms_to_mail ON alarms (id) WHERE end_mailed_at IS NULL")
    op.execute("""
        CREATE TABLE alarm_staff (
            oa text NOT NULL,
            follower_id bigint NOT NULL REFERENCES followers (id),
            added_at timestamptz NOT NULL,
            PRIMARY KEY (oa, follower_id)
        )""")
