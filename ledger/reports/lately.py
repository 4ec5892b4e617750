"""What was tried and sent lately, by spans of some minutes, from `tally_minute`; for the plots of a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from domain.delays import added

SPAN = timedelta(minutes=15)

_LATELY = """
SELECT date_bin(:span, at, timestamptz '2000-01-01') AS at, outcome, number, delays FROM tally_minute
WHERE oa = :oa AND at >= :since AND at < :until
"""


@dataclass(slots=True)
class TallySpan:
    """One span: how many messages were tried and how many sent; `delays`: counts of `domain.delays` of the sent."""

    tried: int = 0
    sent: int = 0
    delays: list[int] = field(default_factory=lambda: added([]))


def lately(tx: Connection, oa: str, until: datetime, length: timedelta) -> dict[datetime, TallySpan]:
    """Every span of the time before `until`, the empty ones included, by its beginning (UTC); the oldest first."""
    last = until - timedelta(seconds=until.timestamp() % SPAN.total_seconds())
    number = int(length / SPAN)
    found = {last - place * SPAN: TallySpan() for place in reversed(range(number))}
    values = {"span": SPAN, "oa": oa, "since": min(found), "until": last + SPAN}
    for row in tx.execute(text(_LATELY), values):
        span = found[row.at]
        span.tried += row.number
        if row.outcome == "sent":
            span.sent += row.number
            span.delays = added([span.delays, row.delays])
    return found
