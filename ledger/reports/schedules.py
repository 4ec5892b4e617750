"""Reports that are mailed on schedule: who gets which how often, and which periods were mailed.

A row of `report_mails` is the key of one mail: schedule and last day. It is locked while its report is made and mailed,
so two processes never mail the same, and a process that is killed leaves it to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from domain.clock import to_vietnam
from domain.paces import ReportPace, ended_period, period_to

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
_PATIENCE = timedelta(days=7)  # a mail that nobody took for so long is given up


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """Who gets which report. `receivers`: mail addresses; `unit`: None for all."""

    id: int
    oa: str
    report: str
    pace: ReportPace
    form: str
    unit: str | None
    receivers: Sequence[str]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class DueMail:
    """A report that is to be mailed now. `first`, `last`: its days; `tries`: how often it failed."""

    schedule: ReportSchedule
    first: date
    last: date
    tries: int


def add(  # noqa: PLR0917 (the columns of a row)
    tx: Connection, oa: str, report: str, pace: ReportPace, form: str, unit: str | None, receivers: Sequence[str]
) -> int:
    """Add a schedule; its first period is the one that lasts now. Returns its number."""
    values = {"oa": oa, "report": report, "pace": pace.value, "form": form, "unit": unit, "receivers": list(receivers)}
    query = text("""
        INSERT INTO report_schedules (oa, report, pace, form, unit, receivers, added_at)
        VALUES (:oa, :report, :pace, :form, :unit, CAST(:receivers AS text[]), clock_timestamp()) RETURNING id""")
    return int(tx.execute(query, values).scalar_one())


def remove(tx: Connection, oa: str, number: int) -> ReportSchedule | None:
    """Remove a schedule of the OA, and what it was going to mail; None if there is none of this number."""
    query = text(f"DELETE FROM report_schedules WHERE oa = :oa AND id = :id RETURNING {_COLUMNS}")
    row = tx.execute(query, {"oa": oa, "id": number}).one_or_none()
    return None if row is None else _schedule(row)


def listed(tx: Connection, oa: str) -> list[ReportSchedule]:
    """The schedules of an OA."""
    query = text(f"SELECT {_COLUMNS} FROM report_schedules WHERE oa = :oa ORDER BY id")
    return [_schedule(row) for row in tx.execute(query, {"oa": oa})]


def plan(tx: Connection, now: datetime) -> bool:
    """List the mails of the periods that have ended; returns whether any is due now.

    Of several periods that ended while nothing ran, only the newest is mailed.
    """
    rows = tx.execute(text(f"SELECT {_COLUMNS} FROM report_schedules"))
    for schedule in map(_schedule, rows):
        _, last = ended_period(schedule.pace, now)
        if last >= to_vietnam(schedule.added_at).date():
            tx.execute(text(_PLANNED), {"id": schedule.id, "last": last, "now": now})
    return bool(tx.execute(text(f"SELECT EXISTS (SELECT FROM report_mails m WHERE {_DUE})"), _since(now)).scalar_one())


def take(tx: Connection, now: datetime) -> DueMail | None:
    """Lock a mail that is due until the transaction ends; None if there is none that nobody else has."""
    row = tx.execute(text(_TAKEN), _since(now)).one_or_none()
    if row is None:
        return None
    schedule = _schedule(row)
    return DueMail(schedule, *period_to(schedule.pace, row.last), row.tries)


def mailed(tx: Connection, mail: DueMail, now: datetime) -> None:
    """Note that the mail server has taken it."""
    query = text("UPDATE report_mails SET mailed_at = :now WHERE schedule_id = :id AND last = :last")
    tx.execute(query, {"now": now, "id": mail.schedule.id, "last": mail.last})


def put_off(tx: Connection, mail: DueMail, now: datetime) -> None:
    """Note that it failed; it is tried again, with pauses that double from a minute to six hours, for seven days."""
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(mail.tries, 10))
    query = text("""
        UPDATE report_mails SET tries = tries + 1, next_at = :next WHERE schedule_id = :id AND last = :last""")
    tx.execute(query, {"next": now + pause, "id": mail.schedule.id, "last": mail.last})


_COLUMNS = "id, oa, report, pace, form, unit, receivers, added_at"
_DUE = "m.mailed_at IS NULL AND m.next_at <= :now AND m.last >= :given_up"
_PLANNED = """
INSERT INTO report_mails (schedule_id, last, next_at) VALUES (:id, :last, :now) ON CONFLICT DO NOTHING
"""
_TAKEN = f"""
SELECT s.id, s.oa, s.report, s.pace, s.form, s.unit, s.receivers, s.added_at, m.last, m.tries
FROM report_mails m JOIN report_schedules s ON s.id = m.schedule_id
WHERE {_DUE} ORDER BY m.next_at, m.last LIMIT 1 FOR UPDATE OF m SKIP LOCKED
"""


def _since(now: datetime) -> dict[str, object]:
    return {"now": now, "given_up": to_vietnam(now - _PATIENCE).date()}


def _schedule(row: Row[Any]) -> ReportSchedule:
    receivers = tuple(row.receivers)
    pace = ReportPace(row.pace)
    return ReportSchedule(row.id, row.oa, row.report, pace, row.form, row.unit, receivers, row.added_at)
