"""The audit as a list: what operators and the phone claims did, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

PAGE = 50


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One deed; `oa` is empty or '*' where it concerns all. Times are UTC."""

    id: int
    at: datetime
    oa: str
    verb: str
    subject: str
    by: str
    why: str


_LISTED = """
SELECT id, at, oa, verb, subject, by, why FROM audit
WHERE (CAST(:by AS text) IS NULL OR by = :by) AND (CAST(:verb AS text) IS NULL OR verb = :verb)
  AND (CAST(:oas AS text[]) IS NULL OR oa = ANY(CAST(:oas AS text[])))
  AND (CAST(:after AS bigint) IS NULL OR id < :after)
ORDER BY id DESC LIMIT :limit
"""


def listed(
    tx: Connection,
    *,
    oas: Sequence[str] | None = None,
    by: str | None = None,
    verb: str | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> tuple[list[AuditRow], int | None]:
    """One page after the row `after`, of these OAs, one name or verb if given; and the mark of the next page."""
    values = {"oas": None if oas is None else list(oas), "by": by, "verb": verb, "after": after, "limit": limit + 1}
    found = [AuditRow(*row) for row in tx.execute(text(_LISTED), values)]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def rows(tx: Connection, ids: Sequence[int]) -> dict[int, AuditRow]:
    """These rows, by id; a row that is not there is missing."""
    query = text("SELECT id, at, oa, verb, subject, by, why FROM audit WHERE id = ANY(CAST(:ids AS bigint[]))")
    return {row.id: AuditRow(*row) for row in tx.execute(query, {"ids": list(ids)})}
