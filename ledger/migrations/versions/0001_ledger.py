"""The ledger: people and followers, notices with attempts and history, cursors, credentials."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_TABLES)


_TABLES = """
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    oa text NOT NULL,
    verb text NOT NULL,
    subject text NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE baseline (
    oa text NOT NULL,
    key_hash bigint NOT NULL,
    PRIMARY KEY (oa, key_hash)
);

CREATE TABLE credentials (
    oa text NOT NULL,
    access_sealed bytea NOT NULL,
    refresh_sealed bytea NOT NULL,
    version bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    refresh_began_at timestamptz,
    dead_because text,
    PRIMARY KEY (oa)
);

CREATE TABLE cursors (
    oa text NOT NULL,
    feed text NOT NULL,
    position jsonb NOT NULL,
    version bigint NOT NULL,
    polled_at timestamptz NOT NULL,
    PRIMARY KEY (oa, feed)
);

CREATE TABLE keyring (
    purpose text NOT NULL,
    key_sealed bytea NOT NULL,
    PRIMARY KEY (purpose)
);

CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    phone_hash bytea NOT NULL,
    phone_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT people_oa_phone_hash UNIQUE (oa, phone_hash)
);

CREATE TABLE followers (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    user_id text NOT NULL,
    person_id bigint,
    follows boolean NOT NULL,
    link_source text,
    linked_at timestamptz,
    last_interaction_at timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT followers_oa_user_id UNIQUE (oa, user_id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE UNIQUE INDEX followers_person ON followers (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    event_key text NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    rank smallint NOT NULL,
    unit text,
    facts jsonb NOT NULL,
    person_id bigint,
    no_person_because text,
    state text NOT NULL,
    reason text,
    event_at timestamptz NOT NULL,
    fresh_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    lease text,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    channel text,
    code_received integer,
    message_id text,
    text text,
    PRIMARY KEY (id),
    CONSTRAINT notices_oa_event_key UNIQUE (oa, event_key),
    FOREIGN KEY(person_id) REFERENCES people (id)
)
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX notices_blocking ON notices (oa, code, event_at, rank, id)
    WHERE state IN ('waiting', 'due', 'sending', 'uncertain');
CREATE INDEX notices_code ON notices (oa, code);
CREATE INDEX notices_due ON notices (oa, due_at) WHERE state = 'due';
CREATE INDEX notices_held ON notices (oa, state, id) WHERE state IN ('waiting', 'uncertain', 'dead', 'unreachable');
CREATE INDEX notices_leased ON notices (lease_until) WHERE state = 'sending';
CREATE INDEX notices_unreachable ON notices (person_id) WHERE state = 'unreachable';

CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    notice_id bigint NOT NULL,
    at timestamptz NOT NULL,
    channel text NOT NULL,
    outcome text NOT NULL,
    code integer,
    ms integer NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(notice_id) REFERENCES notices (id)
);
CREATE INDEX ix_attempts_notice_id ON attempts (notice_id);

CREATE TABLE history (
    id bigint GENERATED ALWAYS AS IDENTITY,
    notice_id bigint NOT NULL,
    at timestamptz NOT NULL,
    before text,
    after text NOT NULL,
    why text,
    by text NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(notice_id) REFERENCES notices (id)
);
CREATE INDEX ix_history_notice_id ON history (notice_id);
"""
