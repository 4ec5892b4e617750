"""One person as staff look them up: the newest notices to their phone, and the Zalo user who has it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

MOST = 50  # notices of one page

_PERSON = """
SELECT p.id AS person, p.created_at, p.withdrawn_at, f.user_id, f.follows, f.notices_off, f.link_source, f.linked_at,
       f.follow_at, f.last_interaction_at, coalesce(c.proof, 'none') AS proof,
       (SELECT count(*) FROM phone_claims o WHERE o.person_id = p.id AND o.state = 'open') AS open_claims
FROM people p
LEFT JOIN followers f ON f.person_id = p.id
LEFT JOIN phone_claims c ON c.follower_id = f.id AND c.person_id = p.id AND c.state = 'granted'
WHERE p.oa = :oa AND p.id = :person
"""
_OF_FOLLOWER = (
    "user_id",
    "follows",
    "notices_off",
    "link_source",
    "linked_at",
    "follow_at",
    "last_interaction_at",
    "proof",
)

_COLUMNS = "id, event_key, code, kind, state, reason, channel, event_at, recorded_at, due_at"
_NOTICES = f"""
(SELECT {_COLUMNS} FROM notices WHERE person_id = :person AND id < :before ORDER BY id DESC LIMIT :most)
UNION ALL
(SELECT {_COLUMNS} FROM notices_past WHERE person_id = :person AND id < :before ORDER BY id DESC LIMIT :most)
ORDER BY id DESC LIMIT :most
"""
_LAST = 2**63 - 1


def read(tx: Connection, oa: str, person: int) -> dict[str, Any] | None:
    """The person by the ledger's number: `follower` is the Zalo user who has the phone, None if nobody is known.

    None if the OA has no such person.
    """
    row = tx.execute(text(_PERSON), {"oa": oa, "person": person}).mappings().one_or_none()
    if row is None:
        return None
    follower = {name: row[name] for name in _OF_FOLLOWER} if row["user_id"] else None
    own = {name: row[name] for name in ("person", "created_at", "withdrawn_at", "open_claims")}
    return {**own, "follower": follower}


def notices(tx: Connection, person: int, *, before: int | None = None, most: int = MOST) -> list[dict[str, Any]]:
    """The newest notices to this person, the newest first; `before`: only those with a smaller number (a page)."""
    values = {"person": person, "before": before or _LAST, "most": most}
    return [dict(row) for row in tx.execute(text(_NOTICES), values).mappings()]
