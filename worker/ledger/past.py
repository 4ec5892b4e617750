"""Notices of long ago: put away by month out of the table that work is done in, and in the end forgotten.

    finished, 90 days old          → `notices_past`, without its words; its event key goes to the baseline
    older than HCC_KEEP_MONTHS     → its month is dropped, with the attempts and the history of that month
    its key                        stays: an event is not told again because we forgot that it was told

Reading goes on over both by the view `notices_ever`; what works on live notices never looks into the past.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from worker.domain.lifecycle import FINISHED, State
from worker.ledger import months
from worker.ledger.clock import now
from worker.ledger.cursors import KEY_HASH
from worker.ledger.months import Part
from worker.ledger.moves import move_found
from worker.ledger.tables import notices

AT_HAND = timedelta(days=90)
"""How long a notice stays at hand, with its words: receipts still come, reminders look back to it."""

_PAGE = 2000  # notices a transaction
_WRITTEN = ("history", "attempts")  # whose months are made before they come; the past makes its own as it needs them
_COLUMNS = [column.name for column in notices.c]
_KEPT = ", ".join("NULL" if name == "text" else name for name in _COLUMNS)
_FINISHED = ", ".join(f"'{state}'" for state in sorted(FINISHED))

# What was withdrawn before it left may be true again, and papers that are wanted by a day to come are reminded of,
# however late; both stay for as long as anything is kept. Deadlines are written in UTC, so they compare as text.
_OVER = f"""
    state IN ({_FINISHED}) AND recorded_at < :at_hand_since AND (recorded_at < :kept_since OR NOT (
        state = 'suppressed' AND withdrawn IS NOT NULL
        OR kind = 'supplement_required' AND coalesce(facts ->> 'deadline_at', '') >= :now))"""

_FIND = f"""
WITH page AS (
    SELECT id, state, withdrawn, recorded_at, kind, CASE WHEN kind = 'supplement_required' THEN facts END AS facts
    FROM notices WHERE id > :last ORDER BY id LIMIT :page
)
SELECT max(id) AS last, min(recorded_at) < :at_hand_since AS more,
       array_agg(id) FILTER (WHERE {_OVER}) AS ids,
       array_agg(DISTINCT date_trunc('month', recorded_at, 'UTC')) FILTER (WHERE {_OVER} AND recorded_at >= :kept_since)
       AS months
FROM page
"""

_PUT_AWAY = f"""
WITH gone AS (DELETE FROM notices WHERE id = ANY(CAST(:ids AS bigint[])) AND {_OVER} RETURNING *),
known AS (
    INSERT INTO baseline (oa, key_hash)
    SELECT oa, {KEY_HASH} FROM gone ON CONFLICT DO NOTHING
),
kept AS (
    INSERT INTO notices_past ({", ".join(_COLUMNS)}) SELECT {_KEPT} FROM gone WHERE recorded_at >= :kept_since
)
SELECT count(*) FROM gone
"""


@dataclass(frozen=True, slots=True)
class Ages:
    """This moment, from when on notices are at hand, and from when on anything is kept (UTC)."""

    now: datetime
    at_hand_since: datetime
    kept_since: datetime

    @classmethod
    def at(cls, moment: datetime, keep_months: int) -> Ages:
        """The ages at this moment; whole months are kept, so at least `keep_months`."""
        return cls(moment, moment - AT_HAND, months.months_on(months.month_of(moment), -keep_months))


@dataclass(frozen=True, slots=True)
class Kept:
    """What a round of housekeeping did."""

    put_away: int
    given_up: int
    dropped: Sequence[Part]
    more: bool  # its time was over before all was put away


def keep_house(ledger: Engine, *, keep_months: int, by: str, seconds: float) -> Kept:
    """Make the coming months, drop those that are too old, put away what is finished, for about so long."""
    until = time.monotonic() + seconds
    with ledger.begin() as tx:
        moment = now(tx)
        for table in _WRITTEN:
            months.make(tx, table, [*months.coming(moment), *months.strays(tx, table)])
    ages = Ages.at(moment, keep_months)
    with ledger.begin() as tx:
        dropped = months.drop_before(tx, ages.kept_since)
    given_up = _give_up(ledger, ages, by)
    put_away, more = _put_all_away(ledger, ages, until)
    return Kept(put_away, given_up, dropped, more)


_FORGOTTEN = """
SELECT id, lease, due_at FROM notices
WHERE state = CAST(:before AS text) AND state IN ('uncertain', 'dead') AND recorded_at < :kept_since
ORDER BY id LIMIT :page FOR UPDATE SKIP LOCKED
"""


def _give_up(ledger: Engine, ages: Ages, by: str) -> int:
    """What no operator has decided about for as long as anything is kept is dropped: it may not outlive the rest."""
    why, number = "nobody decided about it for as long as notices are kept", 0
    with ledger.begin() as tx:
        for before, after in ((State.UNCERTAIN, State.DEAD), (State.DEAD, State.DISCARDED)):
            values = {"kept_since": ages.kept_since, "page": _PAGE}
            number += len(move_found(tx, before, after, _FORGOTTEN, by=by, why=why, **values))
    return number


def _put_all_away(ledger: Engine, ages: Ages, until: float) -> tuple[int, bool]:
    """Page by page in the order of recording, so that it ends where the notices at hand begin."""
    last, number = 0, 0
    values = {
        "at_hand_since": ages.at_hand_since,
        "kept_since": ages.kept_since,
        "now": ages.now.astimezone(UTC).isoformat(),
    }
    while time.monotonic() < until:
        with ledger.begin() as tx:
            page = tx.execute(text(_FIND), {"last": last, "page": _PAGE, **values}).one()
            if page.ids:
                months.make(tx, "notices_past", [month.astimezone(UTC) for month in page.months or ()])
        if page.ids:
            with ledger.begin() as tx:
                number += int(tx.execute(text(_PUT_AWAY), {"ids": page.ids, **values}).scalar_one())
        if not page.more:
            return number, False
        last = page.last
    return number, True


def ready(tx: Connection) -> tuple[list[str], list[str]]:
    """For `hcc doctor`: the coming months that are lacking, and the tables with rows that belong to no month."""
    coming = months.coming(now(tx))
    lacking = [f"{table} {month:%m/%Y}" for table in _WRITTEN for month in months.lacking(tx, table, coming)]
    return lacking, [table for table in months.MONTHLY if months.strays(tx, table)]
