"""Acts: operators' changes to many notices, one row each: who, why, which, how many, how far, stopped by whom.

One statement counts the notices and lists them, so that an act covers exactly the counted notices, whatever else comes
to match the filter later. Each page is one transaction that also saves the act's position: a kill at any moment loses
nothing and repeats nothing, and the next run continues from there.
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
    """`done`: notices that were moved; `last_id`: the last id that was looked at. Times are UTC."""

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
    in_background: bool = False

    @property
    def open(self) -> bool:
        """Whether something is left to do and nobody stopped it."""
        return self.until is None and self.stopped_at is None


_COLUMNS = (
    "id, oa, verb, filter, by, why, total, done, last_id, since, touched_at, until, stopped_at, stopped_by,"
    " in_background"
)

_BEGIN = """
WITH act AS (
    INSERT INTO acts (oa, verb, filter, by, why, total, since, touched_at, in_background)
    SELECT :oa, :verb, CAST(:filter AS jsonb), :by, :why, 0, clock_timestamp(), clock_timestamp(), :in_background
    RETURNING id
),
counted AS (
    INSERT INTO act_notices (act_id, notice_id)
    SELECT act.id, n.id FROM act CROSS JOIN notices n WHERE {chosen} RETURNING notice_id
)
SELECT (SELECT id FROM act) AS id, count(*) AS total FROM counted
"""


def begin(
    tx: Connection,
    oa: str,
    verb: str,
    chosen: str,
    values: Mapping[str, Any],
    *,
    by: str,
    why: str,
    in_background: bool = False,
) -> Act:
    """Count the notices `n` for which `chosen` is true (with `values`), and list them for the act."""
    said = {
        "oa": oa, "verb": verb, "filter": _narrowed(values), "by": by, "why": why, "in_background": in_background,
    }  # fmt: skip
    row = tx.execute(text(_BEGIN.format(chosen=chosen)), {**values, **said}).one()
    total = text(f"UPDATE acts SET total = :total WHERE id = :id RETURNING {_COLUMNS}")
    return Act(*tx.execute(total, {"id": row.id, "total": row.total}).one())


_NO_FILTERS = frozenset({"oa", "state", "units"})  # `units` says what the filter `unit` means today


def _narrowed(values: Mapping[str, Any]) -> str:
    """The filter as JSON."""
    narrowed = {name: value for name, value in values.items() if value is not None and name not in _NO_FILTERS}
    return json.dumps(narrowed, default=str)


def read(tx: Connection, number: int, *, lock: bool = False) -> Act | None:
    """One act; `lock`: a row lock until the transaction ends, so that two processes that continue it take turns."""
    query = text(f"SELECT {_COLUMNS} FROM acts WHERE id = :id{' FOR UPDATE' if lock else ''}")
    row = tx.execute(query, {"id": number}).one_or_none()
    return Act(*row) if row else None


def unfinished(tx: Connection, oa: str, verb: str, values: Mapping[str, Any], *, by: str, why: str) -> Act | None:
    """The newest act of this verb and filter that was interrupted, and that nobody stopped.

    It is of the same operator with the same reason: nobody finishes what another began without knowing it. Whoever asks
    for the same at the same moment, as a double click does, waits until this transaction ends: there is one act.
    """
    said = {"oa": oa, "verb": verb, "filter": _narrowed(values), "by": by, "why": why}
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:oa || :verb || :filter, 0))"), said)
    query = text(f"""
        SELECT {_COLUMNS} FROM acts
        WHERE oa = :oa AND verb = :verb AND filter = CAST(:filter AS jsonb) AND by = :by AND why = :why
          AND until IS NULL AND stopped_at IS NULL
        ORDER BY id DESC LIMIT 1""")
    row = tx.execute(query, said).one_or_none()
    return Act(*row) if row else None


def unattended(tx: Connection) -> list[int]:
    """The open acts that go on in the background, the oldest first."""
    query = text("""
        SELECT id FROM acts WHERE until IS NULL AND stopped_at IS NULL AND in_background ORDER BY id""")
    return list(tx.execute(query).scalars())


def take(tx: Connection, number: int) -> Act | None:
    """Lock an open act that goes on in the background; None where another process has it, or it was stopped."""
    query = text(f"""
        SELECT {_COLUMNS} FROM acts WHERE id = :id AND until IS NULL AND stopped_at IS NULL AND in_background
        FOR UPDATE SKIP LOCKED""")
    row = tx.execute(query, {"id": number}).one_or_none()
    return Act(*row) if row else None


def listed(tx: Connection, oas: Sequence[str], *, limit: int) -> list[Act]:
    """The acts of these OAs, the newest first."""
    query = text(f"SELECT {_COLUMNS} FROM acts WHERE oa = ANY(:oas) ORDER BY id DESC LIMIT :limit")
    return [Act(*row) for row in tx.execute(query, {"oas": list(oas), "limit": limit})]


def next_page(tx: Connection, act: Act, page: int) -> list[int]:
    """The next notices of an act, in id order."""
    query = text("""
        SELECT notice_id FROM act_notices WHERE act_id = :act AND notice_id > :last ORDER BY notice_id LIMIT :page""")
    return list(tx.execute(query, {"act": act.id, "last": act.last_id, "page": page}).scalars())


_OF_THESE_DOSSIERS = """
SELECT DISTINCT a.notice_id FROM notices n JOIN notices m ON m.oa = n.oa AND m.code = n.code
JOIN act_notices a ON a.act_id = :act AND a.notice_id = m.id
WHERE n.id = ANY(CAST(:ids AS bigint[])) ORDER BY a.notice_id
"""


def of_these_dossiers(tx: Connection, act: Act, ids: Sequence[int]) -> list[int]:
    """These notices and all others of the act in the same dossiers: they must go in order, so together."""
    return list(tx.execute(text(_OF_THESE_DOSSIERS), {"act": act.id, "ids": list(ids)}).scalars())


def note(tx: Connection, act: Act, looked_at: Sequence[int], *, moved: int, last_id: int) -> None:
    """Record a page: its last id, how many of its notices were moved, and those of later pages that went with it.

    Without the latter a notice that comes to its state again before its own page would be taken twice.
    """
    query = text("""
        UPDATE acts SET done = done + :moved, last_id = :last, touched_at = clock_timestamp() WHERE id = :id""")
    tx.execute(query, {"id": act.id, "moved": moved, "last": last_id})
    if later := [notice for notice in looked_at if notice > last_id]:
        gone = text("DELETE FROM act_notices WHERE act_id = :id AND notice_id = ANY(CAST(:later AS bigint[]))")
        tx.execute(gone, {"id": act.id, "later": later})


def end(tx: Connection, act: Act) -> None:
    """All counted notices were looked at; the numbers are kept, the list is not."""
    tx.execute(text("UPDATE acts SET until = clock_timestamp() WHERE id = :id"), {"id": act.id})
    tx.execute(text("DELETE FROM act_notices WHERE act_id = :id"), {"id": act.id})


def stop(tx: Connection, number: int, *, by: str) -> bool:
    """Stop before the next page; False where the act is over or stopped already. Waits for the page under way."""
    query = text("""
        UPDATE acts SET stopped_at = clock_timestamp(), stopped_by = :by
        WHERE id = :id AND until IS NULL AND stopped_at IS NULL""")
    return bool(tx.execute(query, {"id": number, "by": by}).rowcount)


def forget(tx: Connection, act: Act) -> None:
    """Delete an act that counted no notices."""
    tx.execute(text("DELETE FROM acts WHERE id = :id AND total = 0"), {"id": act.id})


def take_up(tx: Connection, number: int, *, in_background: bool = False) -> bool:
    """Reopen an act that was stopped or interrupted; False where it is over.

    `in_background`: the workers go on with it, whoever began it.
    """
    query = text("""
        UPDATE acts SET stopped_at = NULL, stopped_by = NULL, in_background = in_background OR :in_background
        WHERE id = :id AND until IS NULL""")
    return bool(tx.execute(query, {"id": number, "in_background": in_background}).rowcount)
