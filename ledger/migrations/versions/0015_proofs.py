"""Phone claims with their proofs; since when a user without proof is told; users that Zalo does not know."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing changes for workers of the previous version: they neither read nor write the new columns.

    An operator's link is proven; a phone shared in the chat is not, and still gets new notices.
    """
    op.execute(_TABLES)
    op.execute(_CLAIMS)
    op.execute(_UNPROVEN)


_TABLES = """
ALTER TABLE followers
    ADD COLUMN told_from timestamptz,
    ADD COLUMN unknown_at timestamptz;
CREATE TABLE phone_claims (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    oa text NOT NULL,
    person_id bigint NOT NULL REFERENCES people (id),
    follower_id bigint NOT NULL REFERENCES followers (id),
    at timestamptz NOT NULL,
    state text NOT NULL,
    why text NOT NULL,
    decided_at timestamptz NOT NULL,
    proof text NOT NULL,
    proved_at timestamptz,
    denied_at timestamptz,
    told_since timestamptz,
    phone_sealed bytea,
    code_hash bytea,
    code_until timestamptz,
    code_tries integer NOT NULL DEFAULT 0,
    codes_sent integer NOT NULL DEFAULT 0,
    codes_on date,
    tries integer NOT NULL DEFAULT 0,
    tries_on date,
    CONSTRAINT phone_claims_follower_person UNIQUE (follower_id, person_id)
);
CREATE INDEX phone_claims_person ON phone_claims (person_id);
CREATE INDEX phone_claims_denied ON phone_claims (oa) WHERE denied_at IS NOT NULL;
CREATE INDEX audit_recent ON audit (oa, verb, at);
"""
_CLAIMS = """
INSERT INTO phone_claims (oa, person_id, follower_id, at, told_since, state, why, decided_at, proof)
SELECT oa, person_id, id, coalesce(linked_at, now()), coalesce(linked_at, now()), 'granted',
       'linked before claims were proven', now(),
       CASE WHEN starts_with(link_source, 'cli') THEN 'operator' ELSE 'none' END
FROM followers WHERE person_id IS NOT NULL
"""
_UNPROVEN = """
UPDATE followers SET told_from = coalesce(linked_at, now())
WHERE person_id IS NOT NULL AND NOT coalesce(starts_with(link_source, 'cli'), false)
"""
