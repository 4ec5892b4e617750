"""The volume guard: counts by the minute, which database a source is, switches, and the acts of operators."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A nullable column rewrites no row; workers of the previous version read none of these tables."""
    for table in ("notices", "notices_past"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN happened_at timestamptz")
    op.execute("CREATE OR REPLACE VIEW notices_ever AS SELECT * FROM notices UNION ALL SELECT * FROM notices_past")
    op.execute(_GUARD)
    op.execute(_SWITCHES)
    op.execute(_ACTS)


_GUARD = """
CREATE TABLE guard_counts (
    oa text NOT NULL,
    minute timestamptz NOT NULL,
    cause text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (oa, minute, cause)
);
CREATE TABLE sources (
    oa text PRIMARY KEY,
    identity jsonb,
    noted_at timestamptz,
    strange jsonb,
    strange_at timestamptz,
    as_baseline boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    settled_at timestamptz,
    read text[] NOT NULL DEFAULT '{}'
)
"""
_SWITCHES = """
CREATE TABLE switches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    oa text NOT NULL,
    sort text NOT NULL,
    name text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    by text NOT NULL,
    why text NOT NULL,
    ended_at timestamptz,
    renewed_to bigint NOT NULL DEFAULT 0,
    CONSTRAINT switches_of UNIQUE (oa, sort, name)
)
"""
_ACTS = """
CREATE TABLE acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    oa text NOT NULL,
    verb text NOT NULL,
    filter jsonb NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    total bigint NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    last_id bigint NOT NULL DEFAULT 0,
    since timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    until timestamptz,
    stopped_at timestamptz,
    stopped_by text
);
CREATE TABLE act_notices (
    act_id bigint NOT NULL REFERENCES acts (id) ON DELETE CASCADE,
    notice_id bigint NOT NULL,
    PRIMARY KEY (act_id, notice_id)
)
"""
