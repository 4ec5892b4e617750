"""What the console's pages ask: a dossier's story, a person. Each is found by an index, however old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, text

from ledger.notices import switches
from ledger.notices.order import place
from ledger.reports.why import CLOCKS

PAGE = 50
"""Rows of a page of a list."""

_NOTICES = f"""
SELECT id, oa, event_key, code, kind, unit, state, text, template_version, person_id, event_at, recorded_at
FROM notices_ever WHERE oa = ANY(:oas) AND code = :code ORDER BY oa, {place("notices_ever")}
"""
# No attempt and no step is older than its notice was recorded, but for the clocks, so older months are not read.
_ATTEMPTS = """
SELECT notice_id, at, channel, outcome, code, ms FROM attempts
WHERE notice_id = ANY(:ids) AND at >= :since ORDER BY at, id
"""
_HISTORY = """
SELECT notice_id, at, before, after, why, by FROM history
WHERE notice_id = ANY(:ids) AND at >= :since ORDER BY at, id
"""


def story(tx: Connection, oas: Sequence[str], code: str) -> list[dict[str, Any]]:
    """Every notice of a dossier, in order, each with its `attempts`, its `history` and the `switches` that stop it."""
    rows = tx.execute(text(_NOTICES), {"oas": list(oas), "code": code}).mappings().all()
    notices = {row["id"]: {**row, "attempts": [], "history": [], "switches": []} for row in rows}
    if not notices:
        return []
    values = {"ids": list(notices), "since": min(row["recorded_at"] for row in rows) - CLOCKS}
    for query, part in ((_ATTEMPTS, "attempts"), (_HISTORY, "history")):
        for row in tx.execute(text(query), values).mappings():
            notices[row["notice_id"]][part].append(dict(row))
    for number, stopping in switches.holders(tx, list(notices)).items():
        notices[number]["switches"] = [asdict(one) for one in stopping]
    return list(notices.values())


_PERSON = """
SELECT p.id, p.oa, p.created_at, p.withdrawn_at, p.phone_sealed, f.id AS follower_id, f.follows, f.notices_off,
       f.switched_at, f.linked_at, f.link_source, f.last_interaction_at, f.told_from
FROM people p LEFT JOIN followers f ON f.person_id = p.id WHERE p.id = :id AND p.oa = ANY(:oas)
"""
_OF_PERSON = """
SELECT id, code, kind, state, reason, event_at, recorded_at FROM notices_ever
WHERE person_id = :id AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :page
"""


def person(tx: Connection, oas: Sequence[str], number: int) -> dict[str, Any] | None:
    """A person of these OAs with the Zalo user of the phone, if known; `phone_sealed` is empty after a withdrawal."""
    row = tx.execute(text(_PERSON), {"id": number, "oas": list(oas)}).mappings().one_or_none()
    return dict(row) if row is not None else None


def notices_of(tx: Connection, number: int, before: int | None, page: int = PAGE) -> list[dict[str, Any]]:
    """The notices of a person, the newest first, from before an id."""
    values = {"id": number, "before": before, "page": page}
    return [dict(row) for row in tx.execute(text(_OF_PERSON), values).mappings()]
