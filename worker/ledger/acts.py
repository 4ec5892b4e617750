"""Acts: what operators do to many notices, each a row: who, why, which, how many, how far, stopped by whom.

The notices are counted and written down in one statement, so that an act does exactly what was counted, whatever comes
to look like it later. Each page is one transaction with its place in the act: a kill at any moment costs nothing and
doubles nothing, and whoever goes on begins where it ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Act:
    """`done`: notices that were moved; `last_id`: up to which they were looked at. Times are UTC."""

    id: int
    oa: str
    verb: str
    filter: Mapping[str, Any]
    by: str
    why: str
    total: int
    done: int
    last_id: int
    since: datetime
    touched_at: datetime
    until: datetime | None
    stopped_at: datetime | None
    stopped_by: str | None

    @property
    def open(self) -> bool:
        """Whether something is left to do and nobody stopped it."""
        return self.until is None and self.stopped_at is None


_COLUMNS = "id, oa, verb, filter, by, why, total, done, last_id, since, touched_at, until, stopped_at, stopped_by"

_BEGIN = """
WITH act AS (
    INSERT INTO acts (oa, verb, filter, by, why, total, since, touched_at)
    SELECT :oa, :verb, CAST(:filter AS jsonb), :by, :why, 0, clock_timestamp(), clock_timestamp() RETURNING id
),
counted AS (
    INSERT INTO act_notices (act_id, notice_id)
    SELECT act.id, n.id FROM act CROSS JOIN notices n WHERE {chosen} RETURNING notice_id
)
SELECT (SELECT id FROM act) AS id, count(*) AS total FROM counted
"""


def begin(tx: Connection, oa: str, verb: str, chosen: str, values: Mapping[str, Any], *, by: str, why: str) -> Act:
    """Count the notices `n` for which `chosen` is true (with `values`), and write down that they are meant."""
    narrowed = {name: value for name, value in values.items() if value is not None and name not in ("oa", "state")}
    said = {"oa": oa, "verb": verb, "filter": json.dumps(narrowed, default=str), "by": by, "why": why}
    row = tx.execute(text(_BEGIN.format(chosen=chosen)), {**values, **said}).one()
    total = text(f"UPDATE acts SET total = :total WHERE id = :id RETURNING {_COLUMNS}")
    return Act(*tx.execute(total, {"id": row.id, "total": row.total}).one())


def read(tx: Connection, number: int, *, lock: bool = False) -> Act | None:
    """One act; `lock`: held until the transaction ends, so that two who go on with it take turns."""
    query = text(f"SELECT {_COLUMNS} FROM acts WHERE id = :id{' FOR UPDATE' if lock else ''}")
    row = tx.execute(query, {"id": number}).one_or_none()
    return Act(*row) if row else None


def unfinished(tx: Connection, oa: str, verb: str, values: Mapping[str, Any]) -> Act | None:
    """The newest act of this verb and filter that was broken off, and that nobody stopped."""
    narrowed = {name: value for name, value in values.items() if value is not None and name not in ("oa", "state")}
    query = text(f"""
        SELECT {_COLUMNS} FROM acts
        WHERE oa = :oa AND verb = :verb AND filter = CAST(:filter AS jsonb) AND until IS NULL AND stopped_at IS NULL
        ORDER BY id DESC LIMIT 1""")
    said = {"oa": oa, "verb": verb, "filter": json.dumps(narrowed, default=str)}
    row = tx.execute(query, said).one_or_none()
    return Act(*row) if row else None


def listed(tx: Connection, oas: Sequence[str], *, limit: int) -> list[Act]:
    """The acts of these OAs, the newest first."""
    query = text(f"SELECT {_COLUMNS} FROM acts WHERE oa = ANY(:oas) ORDER BY id DESC LIMIT :limit")
    return [Act(*row) for row in tx.execute(query, {"oas": list(oas), "limit": limit})]


def next_page(tx: Connection, act: Act, page: int) -> list[int]:
    """The next notices of an act, in the order of their ids."""
    query = text("""
        SELECT notice_id FROM act_notices WHERE act_id = :act AND notice_id > :last ORDER BY notice_id LIMIT :page""")
    return list(tx.execute(query, {"act": act.id, "last": act.last_id, "page": page}).scalars())


_OF_THESE_DOSSIERS = """
SELECT DISTINCT a.notice_id FROM notices n JOIN notices m ON m.oa = n.oa AND m.code = n.code
JOIN act_notices a ON a.act_id = :act AND a.notice_id = m.id
WHERE n.id = ANY(CAST(:ids AS bigint[])) ORDER BY a.notice_id
"""


def of_these_dossiers(tx: Connection, act: Act, ids: Sequence[int]) -> list[int]:
    """These notices and all others of the act that belong to their dossiers: they are to go in order, so together."""
    return list(tx.execute(text(_OF_THESE_DOSSIERS), {"act": act.id, "ids": list(ids)}).scalars())


def note(tx: Connection, act: Act, *, moved: int, last_id: int) -> None:
    """A page was looked at, and so many of it were moved."""
    query = text("""
        UPDATE acts SET done = done + :moved, last_id = :last, touched_at = clock_timestamp() WHERE id = :id""")
    tx.execute(query, {"id": act.id, "moved": moved, "last": last_id})


def end(tx: Connection, act: Act) -> None:
    """All that was counted was looked at; the numbers are kept, the list is not."""
    tx.execute(text("UPDATE acts SET until = clock_timestamp() WHERE id = :id"), {"id": act.id})
    tx.execute(text("DELETE FROM act_notices WHERE act_id = :id"), {"id": act.id})


def stop(tx: Connection, number: int, *, by: str) -> bool:
    """No further page; False where it is over or stopped already. The page under way is waited for."""
    query = text("""
        UPDATE acts SET stopped_at = clock_timestamp(), stopped_by = :by
        WHERE id = :id AND until IS NULL AND stopped_at IS NULL""")
    return bool(tx.execute(query, {"id": number, "by": by}).rowcount)


def forget(tx: Connection, act: Act) -> None:
    """Nothing was counted, so there is nothing to tell of."""
    tx.execute(text("DELETE FROM acts WHERE id = :id AND total = 0"), {"id": act.id})


def take_up(tx: Connection, number: int) -> bool:
    """Go on with one that was stopped, or was broken off; False where it is over."""
    query = text("UPDATE acts SET stopped_at = NULL, stopped_by = NULL WHERE id = :id AND until IS NULL")
    return bool(tx.execute(query, {"id": number}).rowcount)
