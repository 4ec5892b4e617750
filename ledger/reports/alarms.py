"""Alarms: one per cause that a person must hear of, with its end; and the staff who get them in the chat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Alarm:
    """`oa` is empty if it concerns all OAs. `ended_at` None: it lasts. Times are UTC."""

    id: int
    oa: str
    cause: str
    says: str
    began_at: datetime
    ended_at: datetime | None

    @property
    def sort(self) -> str:
        """Its cause without what it concerns: `feed` of `feed:history`."""
        return self.cause.partition(":")[0]


_COLUMNS = "id, oa, cause, says, began_at, ended_at"


def lasting(tx: Connection) -> list[Alarm]:
    """Alarms whose cause lasts, the oldest first."""
    query = text(f"SELECT {_COLUMNS} FROM alarms WHERE ended_at IS NULL ORDER BY id")
    return [Alarm(*row) for row in tx.execute(query)]


def begin(tx: Connection, oa: str, cause: str, says: str) -> Alarm | None:
    """Open an alarm for a cause; None where another process has done so already."""
    query = text(f"""
        INSERT INTO alarms (oa, cause, says, began_at) VALUES (:oa, :cause, :says, clock_timestamp())
        ON CONFLICT (oa, cause) WHERE ended_at IS NULL DO NOTHING RETURNING {_COLUMNS}""")
    row = tx.execute(query, {"oa": oa, "cause": cause, "says": says}).one_or_none()
    return Alarm(*row) if row else None


def end(tx: Connection, number: int) -> Alarm | None:
    """End the alarm; None where another process has done so already."""
    query = text(f"""
        UPDATE alarms SET ended_at = clock_timestamp() WHERE id = :id AND ended_at IS NULL RETURNING {_COLUMNS}""")
    row = tx.execute(query, {"id": number}).one_or_none()
    return Alarm(*row) if row else None


_TO_MAIL = f"""
SELECT {_COLUMNS}, mailed_at FROM alarms
WHERE end_mailed_at IS NULL AND (mailed_at IS NULL OR ended_at IS NOT NULL)
ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
"""


def to_mail(tx: Connection, limit: int) -> list[tuple[Alarm, bool]]:
    """Alarms with a mail to send, locked so that nobody else sends it; True: the mail of the beginning was sent."""
    rows = tx.execute(text(_TO_MAIL), {"limit": limit})
    return [(Alarm(*row[:-1]), row.mailed_at is not None) for row in rows]


def mailed(tx: Connection, alarm: Alarm) -> None:
    """Note that the mail for the alarm's present state was sent."""
    query = """
        UPDATE alarms SET mailed_at = coalesce(mailed_at, clock_timestamp()),
               end_mailed_at = CASE WHEN CAST(:over AS boolean) THEN clock_timestamp() END
        WHERE id = :id"""
    tx.execute(text(query), {"id": alarm.id, "over": alarm.ended_at is not None})


def silence(tx: Connection, number: int) -> None:
    """Send no more mail for this alarm: it was a test."""
    query = text("UPDATE alarms SET mailed_at = clock_timestamp(), end_mailed_at = clock_timestamp() WHERE id = :id")
    tx.execute(query, {"id": number})


def recent(tx: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest alarms first; lasting ones before all others."""
    query = text(f"SELECT {_COLUMNS} FROM alarms ORDER BY ended_at IS NULL DESC, id DESC LIMIT :limit")
    return [dict(row) for row in tx.execute(query, {"limit": limit}).mappings()]


def add_staff(tx: Connection, oa: str, followers: Sequence[int]) -> int:
    """Let these followers get alarms in the chat; returns how many are new."""
    query = text("""
        INSERT INTO alarm_staff (oa, follower_id, added_at)
        SELECT :oa, f, clock_timestamp() FROM unnest(CAST(:followers AS bigint[])) AS w (f)
        ON CONFLICT DO NOTHING""")
    return tx.execute(query, {"oa": oa, "followers": list(followers)}).rowcount


def remove_staff(tx: Connection, oa: str, followers: Sequence[int]) -> int:
    """Stop alarms to these followers; returns how many got them."""
    query = text("DELETE FROM alarm_staff WHERE oa = :oa AND follower_id = ANY(CAST(:followers AS bigint[]))")
    return tx.execute(query, {"oa": oa, "followers": list(followers)}).rowcount


def listed_staff(tx: Connection, oa: str) -> list[dict[str, Any]]:
    """The followers who get alarms."""
    query = text("""
        SELECT f.user_id, f.follows, f.notices_off, s.added_at
        FROM alarm_staff s JOIN followers f ON f.id = s.follower_id WHERE s.oa = :oa ORDER BY s.added_at""")
    return [dict(row) for row in tx.execute(query, {"oa": oa}).mappings()]


def staff_to_tell(tx: Connection, oas: Collection[str]) -> list[tuple[str, int]]:
    """(OA, follower) for those of these OAs who get alarms and still follow."""
    query = text("""
        SELECT s.oa, f.id FROM alarm_staff s JOIN followers f ON f.id = s.follower_id
        WHERE s.oa = ANY(CAST(:oas AS text[])) AND f.follows ORDER BY s.oa, f.id""")
    return [(row.oa, row.id) for row in tx.execute(query, {"oas": list(oas)})]
