"""Zalo's events: the inbox, receipts that wait for their notice, proofs of consent; notices told to a follower."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_EXPAND)


_EXPAND = """
CREATE TABLE zalo_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    key bytea NOT NULL,
    name text NOT NULL,
    word text NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    sealed bytea,
    applied_at timestamptz,
    fault text,
    PRIMARY KEY (id),
    CONSTRAINT zalo_events_oa_key UNIQUE (oa, key)
);
CREATE INDEX zalo_events_unapplied ON zalo_events (oa, id) WHERE applied_at IS NULL;

CREATE TABLE receipts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    word text NOT NULL,
    message_id text NOT NULL,
    mark text,
    user_id text,
    words bytea,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    kept_until timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT receipts_oa_message_word UNIQUE (oa, message_id, word)
);
CREATE INDEX receipts_to_look_at ON receipts (oa, look_at);
CREATE INDEX receipts_echoes ON receipts (oa, user_id, words) WHERE word = 'echo';

CREATE TABLE consents (
    id bigint GENERATED ALWAYS AS IDENTITY,
    oa text NOT NULL,
    user_hash bytea NOT NULL,
    at timestamptz NOT NULL,
    word text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX consents_of_user ON consents (oa, user_hash);

ALTER TABLE followers ADD COLUMN follow_at timestamptz;
ALTER TABLE people ADD COLUMN withdrawn_at timestamptz;

ALTER TABLE notices ADD COLUMN follower_id bigint REFERENCES followers (id);
CREATE INDEX notices_follower ON notices (follower_id) WHERE follower_id IS NOT NULL;
CREATE INDEX notices_message ON notices (oa, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX notices_person ON notices (person_id);
DROP INDEX notices_unreachable;
"""
