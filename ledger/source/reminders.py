"""Candidates for a reminder: notices told some days ago about something that may still be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """A notice that was told: the occurrence of its kind, and the dossier."""

    id: int
    code: str
    occurrence: str


@dataclass(frozen=True, slots=True)
class ReminderWindow:
    """The notices of `kind` recorded from `since` to before `until`, or with a deadline in that time."""

    kind: str
    since: datetime
    until: datetime
    by_deadline: bool = False


_TOLD = """
SELECT n.id, n.code, n.event_key FROM notices n
WHERE n.oa = :oa AND n.kind = '{kind}' AND n.id > :after AND n.state IN ('sent', 'delivered', 'seen')
  AND {when} >= :since AND {when} < :until
  AND NOT EXISTS (
      SELECT FROM notices r WHERE r.oa = n.oa
        AND r.event_key = n.code || '/' || :reminder || substr(n.event_key, length(n.code || '/' || n.kind) + 1)
  )
ORDER BY n.id LIMIT :limit
"""


def told(
    tx: Connection, oa: str, window: ReminderWindow, reminder: str, *, after: int, limit: int
) -> Sequence[ToldNotice]:
    """The notices in the window for which no `reminder` is recorded yet, in id order, after the id `after`."""
    when = "(n.facts ->> 'deadline_at')::timestamptz" if window.by_deadline else "n.recorded_at"
    values = {"oa": oa, "after": after, "reminder": reminder, "limit": limit}
    found = tx.execute(
        text(_TOLD.format(kind=window.kind, when=when)), {**values, "since": window.since, "until": window.until}
    )
    return [ToldNotice(row.id, row.code, row.event_key.removeprefix(f"{row.code}/{window.kind}/")) for row in found]
