"""Finds what was sent between two times: after a mistake, the dossiers whose people read it. No phone, no words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ledger.base import units
from ledger.base.streaming import streamed
from ledger.base.units import OF_UNITS

_LATE = timedelta(days=120)  # an archived notice was not tried later than this


@dataclass(frozen=True, slots=True)
class SentChoice:
    """What left from `since` to before `until` (UTC). The others narrow it, None does not.

    `unit`: with its sub-units and predecessors. `words`: a part of the text that was sent, letter by letter.
    """

    since: datetime
    until: datetime
    kind: str | None = None
    unit: str | None = None
    words: str | None = None


_CHOSEN = f"""
    n.oa = :oa AND n.state IN ('sent', 'delivered', 'seen', 'uncertain', 'dead')
    AND (CAST(:kind AS text) IS NULL OR n.kind = :kind)
    AND (CAST(:words AS text) IS NULL OR strpos(n.text, :words) > 0)
    AND {OF_UNITS}"""
"""The notice `n` is chosen. One that was tried and is in no such state did certainly not arrive."""

_SENT = f"""
WITH tried AS MATERIALIZED (
    SELECT DISTINCT ON (notice_id) notice_id, at, channel FROM attempts
    WHERE at >= :since AND at < :until AND outcome IN ('sent', 'uncertain') ORDER BY notice_id, at DESC
)
SELECT * FROM (
    SELECT n.event_key, n.code, n.unit, n.kind, tried.channel, tried.at, n.state FROM tried
    CROSS JOIN LATERAL (SELECT * FROM notices WHERE id = tried.notice_id OFFSET 0) AS n WHERE {_CHOSEN}
    UNION ALL
    SELECT n.event_key, n.code, n.unit, n.kind, tried.channel, tried.at, n.state FROM tried
    JOIN notices_past n ON n.id = tried.notice_id
    WHERE {_CHOSEN} AND n.recorded_at >= :recorded_since AND n.recorded_at < :until
) AS found ORDER BY at, event_key
"""


def each_sent(tx: Connection, oa: str, choice: SentChoice) -> Iterator[dict[str, Any]]:
    """One row for each notice, the earliest first: event_key, code, unit, kind, channel, at (UTC), state.

    A notice in doubt is among them: it may have arrived. Rows are fetched by the page, while the transaction lasts.
    """
    values = {
        "oa": oa, "since": choice.since, "until": choice.until, "kind": choice.kind, "words": choice.words,
        "units": units.meant(tx, oa, choice.unit), "recorded_since": choice.since - _LATE,
    }  # fmt: skip
    yield from (dict(row) for row in streamed(tx, _SENT, values).mappings())
