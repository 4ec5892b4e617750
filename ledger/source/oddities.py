"""Oddities: unreadable fields of the dossier database, by dossier and field, until the field is read well again.

No personal data: a code, a column, our own sentence, and of words only those that cannot be about a person. A whole
source may be odd, so a page costs one query, a known oddity is rewritten at most every ten minutes, and at most `MOST`
are kept per OA: by then the mapping itself must be repaired, and a longer list would not help.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from domain.event import Oddity
from ledger.base.arrays import column
from ledger.base.statements import statement

MOST = 20_000  # of one OA
FORGOTTEN_DAYS = 90  # not seen for this long: the dossier is closed, or gone

_QUIET_SECONDS = 600.0  # a known oddity is noted as seen again at most this often

_KEEP = """
INSERT INTO oddities AS o (oa, code, source_row, field, why, mark, since, last_seen_at, times)
SELECT :oa, w.code, w.source_row, w.field, w.why, w.mark, clock_timestamp(), clock_timestamp(), 1
FROM unnest(CAST(:codes AS text[]), CAST(:rows AS text[]), CAST(:fields AS text[]), CAST(:whys AS text[]),
            CAST(:marks AS text[])) AS w (code, source_row, field, why, mark)
LEFT JOIN oddities k ON k.oa = :oa AND k.code = w.code AND k.source_row = w.source_row AND k.field = w.field
WHERE CASE WHEN k.oa IS NULL THEN :room
           ELSE k.why <> w.why OR k.last_seen_at < clock_timestamp() - make_interval(secs => :quiet) END
ORDER BY w.code, w.source_row, w.field
ON CONFLICT (oa, code, source_row, field) DO UPDATE
SET why = EXCLUDED.why, mark = EXCLUDED.mark, last_seen_at = EXCLUDED.last_seen_at, times = o.times + 1
"""
_ROOM = "SELECT count(*) < :most FROM (SELECT FROM oddities WHERE oa = :oa LIMIT :most) AS kept"

_OF_READ = """
SELECT o.code, o.source_row, o.field FROM oddities o
JOIN unnest(CAST(:codes AS text[]), CAST(:rows AS text[])) AS w (code, source_row)
  ON o.code = w.code AND o.source_row = w.source_row
WHERE o.oa = :oa ORDER BY 1, 2, 3
"""
_MENDED = """
DELETE FROM oddities o USING unnest(CAST(:codes AS text[]), CAST(:rows AS text[]), CAST(:fields AS text[]))
    AS w (code, source_row, field)
WHERE o.oa = :oa AND o.code = w.code AND o.source_row = w.source_row AND o.field = w.field
"""


def keep(tx: Connection, oa: str, odd: Collection[Oddity], read: Collection[tuple[str, str]]) -> None:
    """Record these as seen, and drop oddities that are gone from the rows just `read` (code, row)."""
    if read and tx.execute(text("SELECT EXISTS (SELECT FROM oddities WHERE oa = :oa)"), {"oa": oa}).scalar_one():
        _drop_mended(tx, oa, odd, read)
    if not odd:
        return
    one_each = {(one.code, one.row, one.field): one for one in odd}
    rows = [one_each[key] for key in sorted(one_each)]
    room = tx.execute(text(_ROOM), {"oa": oa, "most": MOST}).scalar_one()
    values = {"oa": oa, "quiet": _QUIET_SECONDS, "room": room, "whys": column(one.why for one in rows)}
    tx.execute(statement(_KEEP), {**values, **_names(rows), "marks": column(one.mark for one in rows)})


def _drop_mended(tx: Connection, oa: str, odd: Collection[Oddity], read: Collection[tuple[str, str]]) -> None:
    still = {(one.code, one.row, one.field) for one in odd}
    values = {"codes": column(code for code, _ in read), "rows": column(row for _, row in read)}
    known = tx.execute(statement(_OF_READ), {"oa": oa, **values}).all()
    mended = [Oddity(one.code, one.field, "", one.source_row) for one in known if tuple(one) not in still]
    if mended:
        tx.execute(statement(_MENDED), {"oa": oa, **_names(mended)})


def _names(rows: Iterable[Oddity]) -> dict[str, str]:
    named = list(rows)
    return {
        "codes": column(one.code for one in named),
        "rows": column(one.row for one in named),
        "fields": column(one.field for one in named),
    }


def learned(tx: Connection, oa: str, marks: Collection[str]) -> None:
    """The mapping knows these words now: drop their oddities, whose rows need not be read again."""
    query = text(
        "DELETE FROM oddities WHERE oa = :oa AND field = 'payment_state' AND mark = ANY(CAST(:marks AS text[]))"
    )
    tx.execute(query, {"oa": oa, "marks": sorted(marks)})


def forget(tx: Connection) -> int:
    """Drop oddities not seen for `FORGOTTEN_DAYS`; returns how many."""
    query = text("DELETE FROM oddities WHERE last_seen_at < clock_timestamp() - make_interval(days => :days)")
    return tx.execute(query, {"days": FORGOTTEN_DAYS}).rowcount


_LISTED = """
SELECT code, source_row AS row, field AS column, why, since, times, last_seen_at AS last_seen FROM oddities
WHERE oa = :oa AND (CAST(:code AS text) IS NULL OR code = :code)
ORDER BY since, code, source_row, field LIMIT CAST(:limit AS bigint)
"""


def listed(tx: Connection, oa: str, *, code: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """The oddities of an OA, or of one dossier, oldest first, in the shape of `hcc source oddities --json`."""
    rows = tx.execute(text(_LISTED), {"oa": oa, "code": code, "limit": limit})
    return [dict(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True)
class OddityCount:
    """How many oddities share a field and a reason; `marked`: the reason is a word that the mapping does not know."""

    field: str
    why: str
    number: int
    marked: bool

    @property
    def shown(self) -> str:
        """The word itself, or our sentence where there is none."""
        return self.why.partition(": ")[2] or self.why


def tallied(tx: Connection, oa: str) -> list[OddityCount]:
    """The oddities of an OA by field and reason, most first."""
    rows = tx.execute(
        text("""
            SELECT field, why, count(*) AS number, bool_or(mark IS NOT NULL) AS marked FROM oddities WHERE oa = :oa
            GROUP BY field, why ORDER BY number DESC, field, why"""),
        {"oa": oa},
    )
    return [OddityCount(row.field, row.why, row.number, row.marked) for row in rows]
