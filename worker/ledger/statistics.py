"""Counts by day, unit and kind, and the phones that staff should look at. No personal data but masked numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from worker.domain.kinds import ANSWERS, STAFF_DIGEST

_TALK = ", ".join(f"'{kind}'" for kind in sorted(ANSWERS | {STAFF_DIGEST}))  # no events of dossiers


@dataclass(frozen=True, slots=True)
class Period:
    """Notices recorded from `since` to before `until`; `unit`: of this unit and those below it, None for all."""

    since: datetime
    until: datetime
    unit: str | None = None


_WITHIN = f"""
    n.oa = :oa AND n.kind NOT IN ({_TALK}) AND n.recorded_at >= :since AND n.recorded_at < :until
    AND (CAST(:unit AS text) IS NULL OR n.unit = :unit OR starts_with(n.unit, :unit || '.'))"""

# Every notice counts once: under `events`, and under exactly one of the others.
_COUNTS = """
    count(*) AS events,
    count(*) FILTER (WHERE state IN ('sent', 'delivered', 'seen')) AS sent,
    count(*) FILTER (WHERE state = 'unreachable' AND no_person_because IS NULL) AS not_follower,
    count(*) FILTER (WHERE state = 'unreachable' AND no_person_because IS NOT NULL) AS bad_phone,
    count(*) FILTER (WHERE state IN ('dead', 'expired', 'discarded')) AS failed,
    count(*) FILTER (WHERE state = 'suppressed') AS not_needed,
    count(*) FILTER (WHERE state IN ('waiting', 'due', 'sending', 'uncertain')) AS pending"""

_REACH = f"""
SELECT CAST(n.recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) AS day, n.unit, {_COUNTS}
FROM notices_ever n WHERE {_WITHIN} GROUP BY 1, 2 ORDER BY 1, 2
"""
_DIGEST = f"""
SELECT n.kind, {_COUNTS} FROM notices_ever n WHERE {_WITHIN} GROUP BY n.kind ORDER BY min(n.rank)
"""
_BAD_PHONES = f"""
SELECT DISTINCT ON (n.code, n.phone_fault, n.phone_seen)
       n.code, n.unit, n.phone_seen AS phone, n.phone_fault AS reason, n.recorded_at AS last_at
FROM notices_ever n WHERE n.phone_fault IS NOT NULL AND {_WITHIN}
ORDER BY n.code, n.phone_fault, n.phone_seen, n.id DESC
"""


def reach(tx: Connection, oa: str, period: Period) -> list[dict[str, Any]]:
    """Per day (of Vietnam's calendar) and unit: how many events, and what became of them (R37)."""
    return _rows(tx, _REACH, oa, period)


def digest(tx: Connection, oa: str, period: Period) -> list[dict[str, Any]]:
    """Per kind: how many events, and what became of them (R32)."""
    return _rows(tx, _DIGEST, oa, period)


def bad_phones(tx: Connection, oa: str, period: Period) -> list[dict[str, Any]]:
    """One row for each dossier and fault of its phone field, the newest sighting of it (R9); by code."""
    return _rows(tx, _BAD_PHONES, oa, period)


def _rows(tx: Connection, query: str, oa: str, period: Period) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(text(query), {"oa": oa, **asdict(period)}).mappings()]
