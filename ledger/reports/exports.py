"""Reports that are made in the background: what was asked for, how far each is, and until when its file is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, text

KEPT = timedelta(hours=72)
"""How long a row and its file are kept after it was asked for."""

SILENT = timedelta(minutes=3)
"""A process that noted no progress for so long has ended; the last step of a large sheet notes none."""


class ExportState(StrEnum):
    """Where an export is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    BROKEN_OFF = "broken_off"  # its process has ended without a word


@dataclass(frozen=True, slots=True)
class AskedExport:
    """What somebody asks for: a report from `first` to `last`."""

    oa: str
    report: str
    form: str
    first: date
    last: date
    unit: str | None
    folded: bool
    by: str


@dataclass(frozen=True, slots=True)
class ReportExport(AskedExport):
    """A report that was asked for. `rows`: written so far; `bytes`: of the whole file."""

    id: int
    asked_at: datetime
    rows: int
    bytes: int | None
    fault: str | None
    state: ExportState


def take_turn(tx: Connection) -> None:
    """Let one transaction after the other look what is made and ask for more, so that two clicks at once are one."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _TURN})


def in_hand(tx: Connection, asked: AskedExport) -> bool:
    """Whether the same is being made now for the same account."""
    query = text(f"SELECT EXISTS (SELECT FROM exports WHERE {_RUNNING} AND {_SAME})")
    return bool(tx.execute(query, {"silent": SILENT, **_values(asked)}).scalar_one())


def ask(tx: Connection, asked: AskedExport) -> int:
    """Note that somebody asked for it; returns its number."""
    query = text("""
        INSERT INTO exports (oa, report, form, first, last, unit, folded, by, asked_at, seen_at)
        VALUES (:oa, :report, :form, :first, :last, :unit, :folded, :by, clock_timestamp(), clock_timestamp())
        RETURNING id""")
    return int(tx.execute(query, _values(asked)).scalar_one())


def running(tx: Connection) -> int:
    """How many are being made now."""
    query = text(f"SELECT count(*) FROM exports WHERE {_RUNNING}")
    return int(tx.execute(query, {"silent": SILENT}).scalar_one())


def found(tx: Connection, number: int) -> ReportExport | None:
    """The export of this number; None if there is none (any more)."""
    row = tx.execute(text(f"{_READ} WHERE id = :id"), {"id": number, "silent": SILENT}).one_or_none()
    return None if row is None else _export(row)


def listed(tx: Connection, by: str, limit: int = 50) -> list[ReportExport]:
    """The exports that an account asked for, the newest first."""
    query = text(f"{_READ} WHERE by = :by ORDER BY id DESC LIMIT :limit")
    return [_export(row) for row in tx.execute(query, {"by": by, "limit": limit, "silent": SILENT})]


def note_progress(tx: Connection, number: int, rows: int) -> None:
    """Note how many rows are written."""
    query = text("UPDATE exports SET rows = :rows, seen_at = clock_timestamp() WHERE id = :id")
    tx.execute(query, {"id": number, "rows": rows})


def note_done(tx: Connection, number: int, rows: int, size: int) -> None:
    """Note that the file is there; `size`: bytes."""
    query = text("UPDATE exports SET rows = :rows, bytes = :size, done_at = clock_timestamp() WHERE id = :id")
    tx.execute(query, {"id": number, "rows": rows, "size": size})


def note_fault(tx: Connection, number: int, fault: str) -> None:
    """Note why there will be no file."""
    tx.execute(text("UPDATE exports SET fault = :fault WHERE id = :id"), {"id": number, "fault": fault})


def forget(tx: Connection) -> int:
    """Delete the rows that are older than `KEPT`; returns how many."""
    query = text("DELETE FROM exports WHERE asked_at < clock_timestamp() - CAST(:kept AS interval)")
    return tx.execute(query, {"kept": KEPT}).rowcount


_TURN = 4_847_224  # the advisory lock of those who ask; any number that nobody else uses

_RUNNING = "done_at IS NULL AND fault IS NULL AND seen_at > clock_timestamp() - CAST(:silent AS interval)"

_SAME = " AND ".join(f"{name} IS NOT DISTINCT FROM :{name}" for name in AskedExport.__slots__)

_READ = """
SELECT id, oa, report, form, first, last, unit, folded, by, asked_at, rows, bytes, fault,
       CASE WHEN fault IS NOT NULL THEN 'failed' WHEN done_at IS NOT NULL THEN 'done'
            WHEN seen_at < clock_timestamp() - CAST(:silent AS interval) THEN 'broken_off' ELSE 'running' END AS state
FROM exports
"""


def _values(asked: AskedExport) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in AskedExport.__slots__}


def _export(row: Row[Any]) -> ReportExport:
    return ReportExport(**{**row._asdict(), "state": ExportState(row.state)})
