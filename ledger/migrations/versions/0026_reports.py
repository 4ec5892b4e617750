"""Dossiers by day, reports as files made in the background, and reports that are mailed on schedule."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE IF NOT EXISTS tally_dossiers (
        oa text NOT NULL,
        day date NOT NULL,
        unit text,
        state text NOT NULL,
        cause text,
        channel text,
        number bigint NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS tally_dossiers_day ON tally_dossiers (day, oa)",
    # The next night round lists all days: those of the past have no dossiers yet.
    "DELETE FROM tally_rounds WHERE name = 'night'",
    """
    CREATE TABLE IF NOT EXISTS exports (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        oa text NOT NULL,
        report text NOT NULL,
        form text NOT NULL,
        first date NOT NULL,
        last date NOT NULL,
        unit text,
        folded boolean NOT NULL,
        by text NOT NULL,
        asked_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        rows bigint NOT NULL DEFAULT 0,
        bytes bigint,
        done_at timestamptz,
        fault text
    )""",
    """
    CREATE TABLE IF NOT EXISTS report_schedules (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        oa text NOT NULL,
        report text NOT NULL,
        pace text NOT NULL,
        form text NOT NULL,
        unit text,
        receivers text[] NOT NULL,
        added_at timestamptz NOT NULL
    )""",
    """
    CREATE TABLE IF NOT EXISTS report_mails (
        schedule_id bigint NOT NULL REFERENCES report_schedules (id) ON DELETE CASCADE,
        last date NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL,
        mailed_at timestamptz,
        PRIMARY KEY (schedule_id, last)
    )""",
)


def upgrade() -> None:
    """Tables that the previous version does not know."""
    for statement in _STATEMENTS:
        op.execute(statement)
