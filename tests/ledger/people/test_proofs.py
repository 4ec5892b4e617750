"""Links of before claims were proven: an operator's are strong, a user's go on for what comes."""

from __future__ import annotations

from sqlalchemy import text

from ledger.base.engine import open_ledger
from ledger.migrate import migrate
from sandbox.servers import Servers

_BEFORE = """
INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
SELECT 'oa', convert_to(n::text, 'UTF8'), 's', now() FROM generate_series(1, 3) AS n;
INSERT INTO followers (oa, user_id, person_id, follows, link_source, linked_at)
VALUES ('oa', 'a', 1, true, 'cli: Lan', '2026-01-01Z'), ('oa', 'b', 2, true, 'user_submit_info', '2026-01-02Z'),
       ('oa', 'c', 3, true, 'zalo: shared_info', '2026-01-03Z'), ('oa', 'd', NULL, true, NULL, NULL);
"""
# As a worker of the version before links a phone: it knows nothing of proofs.
_OLD_LINK = """
INSERT INTO followers (oa, user_id, person_id, follows, link_source, linked_at, last_interaction_at, reached_at)
VALUES ('oa', 'd', 3, true, 'user_submit_info', now(), now(), clock_timestamp())
ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
SET person_id = EXCLUDED.person_id, link_source = EXCLUDED.link_source, linked_at = EXCLUDED.linked_at,
    reached_at = EXCLUDED.reached_at, follows = followers.follows OR followers.follow_at IS NULL
"""


def test_links_of_before_the_upgrade_have_the_proof_of_who_made_them(servers: Servers) -> None:
    servers.create_database("before_proofs")
    engine = open_ledger(servers.database_url("before_proofs"))
    migrate(engine, to="0011")
    with engine.begin() as tx:
        tx.execute(text(_BEFORE))
    migrate(engine)
    with engine.begin() as tx:
        rows = tx.execute(
            text("""
                SELECT f.user_id, f.told_from = f.linked_at AS only_what_comes, c.proof, c.state
                FROM followers f LEFT JOIN phone_claims c ON c.follower_id = f.id ORDER BY f.id""")
        ).all()
        assert [tuple(row) for row in rows] == [
            ("a", None, "operator", "granted"),
            ("b", True, "none", "granted"),
            ("c", True, "none", "granted"),
            ("d", None, None, None),
        ]
        tx.execute(text("UPDATE followers SET person_id = NULL WHERE user_id = 'c'"))
        tx.execute(text(_OLD_LINK))
    engine.dispose()
