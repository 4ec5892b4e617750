"""Archives notices of long ago by month, out of the working table, and forgets them in the end.

    finished, 90 days old          → `notices_past`, without its text; its event key goes to the baseline, and its day
                                     is counted for the last time (`ledger.reports.tallies`)
    older than HCC_KEEP_MONTHS     → its month is dropped, with the attempts and the history of that month
    its key                        stays: an event is not told again because its notice was forgotten

The view `notices_ever` reads both tables; code for live notices never reads the past.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from domain.lifecycle import FINISHED, State
from ledger.archive import partitions
from ledger.archive.partitions import Part
from ledger.base.clock import DAY
from ledger.base.clock import now as ledger_now
from ledger.base.tables.notices import notices
from ledger.notices.moves import move_found
from ledger.source.cursors import KEY_HASH

AT_HAND = timedelta(days=90)
"""How long a notice stays in the working table, with its text: receipts still come, and reminders look back to it."""

_PAGE = 2000  # notices a transaction
_COLUMNS = [column.name for column in notices.c]
_KEPT = ", ".join("NULL" if name == "text" else name for name in _COLUMNS)
_FINISHED = ", ".join(f"'{state}'" for state in sorted(FINISHED))

# Two sorts stay as long as any notice is kept: notices withdrawn before they left, which may be true again, and
# requests for papers by a future day, which get a reminder, however late. Deadlines are written in UTC, so they
# compare as text.
_OVER = f"""
    state IN ({_FINISHED}) AND recorded_at < :at_hand_since AND (recorded_at < :kept_since OR NOT (
        state = 'suppressed' AND withdrawn IS NOT NULL
        OR kind = 'supplement_required' AND coalesce(facts ->> 'deadline_at', '') >= :as_text))"""

# Ids follow the order of recording, whatever the clock shows. A notice dated earlier than one with a lower id was
# recorded while the clock was set back, and is as recent as that one.
_FIND = f"""
WITH page AS (
    SELECT id, state, withdrawn, recorded_at AS dated, kind,
           CASE WHEN kind = 'supplement_required' THEN facts END AS facts
    FROM notices WHERE id > :last ORDER BY id LIMIT :page
),
known AS (
    SELECT *, greatest(dated, CAST(:latest AS timestamptz),
                       max(dated) FILTER (WHERE dated <= :now) OVER (ORDER BY id)) AS recorded_at FROM page
)
SELECT max(id) AS last, max(recorded_at) FILTER (WHERE recorded_at <= :now) AS latest,
       min(recorded_at) < :at_hand_since AS more,
       array_agg(id) FILTER (WHERE {_OVER}) AS ids,
       array_agg(DISTINCT date_trunc('month', recorded_at, 'UTC')) FILTER (WHERE {_OVER} AND recorded_at >= :kept_since)
       AS months,
       array_agg(id) FILTER (WHERE dated < :kept_since AND recorded_at >= :kept_since) AS misdated
FROM known
"""

_REDATE = "UPDATE notices SET recorded_at = :latest WHERE id = ANY(CAST(:ids AS bigint[]))"

_PUT_AWAY = f"""
WITH gone AS (DELETE FROM notices WHERE id = ANY(CAST(:ids AS bigint[])) AND {_OVER} RETURNING *),
known AS (
    INSERT INTO baseline (oa, key_hash)
    SELECT oa, {KEY_HASH} FROM gone ON CONFLICT DO NOTHING
),
stale AS (
    INSERT INTO tally_stale (day) SELECT DISTINCT {DAY.format(moment="recorded_at")} AS day FROM gone ORDER BY day
    ON CONFLICT DO NOTHING
),
kept AS (
    INSERT INTO notices_past ({", ".join(_COLUMNS)}) SELECT {_KEPT} FROM gone WHERE recorded_at >= :kept_since
)
SELECT count(*) FROM gone
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """This moment, the start of the working table, and the start of all that is kept (UTC)."""

    now: datetime
    at_hand_since: datetime
    kept_since: datetime

    @classmethod
    def at(cls, moment: datetime, keep_months: int) -> Retention:
        """The limits at this moment; whole months are kept, so at least `keep_months`."""
        return cls(moment, moment - AT_HAND, partitions.months_on(partitions.month_of(moment), -keep_months))


@dataclass(frozen=True, slots=True)
class Kept:
    """The result of one round of housekeeping."""

    put_away: int = 0
    given_up: int = 0
    dropped: Sequence[Part] = ()
    more: bool = False  # the time was up before all was archived


class Leap(Exception):  # noqa: N818 (a state of the world, as the callers read it, not an error of theirs)
    """No housekeeping for months, by a clock that may be wrong: nothing was done; an operator has to confirm it."""


def keep_house(ledger: Engine, *, now: datetime, keep_months: int, by: str, seconds: float, leap: bool = False) -> Kept:
    """Make the coming months, drop months too old, and archive finished notices, for about `seconds`.

    `now` is a proven moment (UTC, `worker.services.clocks`), because dropped data is gone for good. Raises `Leap` where
    it lies beyond the months that the last round made, unless `leap`: where all clocks are one, it may jump by years.
    """
    until = time.monotonic() + seconds
    with ledger.begin() as tx:
        if not leap and not partitions.covers(tx, now):
            raise Leap(f"no month was made for {now:%Y-%m}: nobody kept house for months, or the clock jumped")
        for table in partitions.WRITTEN:
            partitions.make(tx, table, [*partitions.coming(now), *partitions.strays(tx, table)])
    ages = Retention.at(now, keep_months)
    with ledger.begin() as tx:
        dropped = partitions.drop_before(tx, ages.kept_since)
    given_up = _give_up(ledger, now, ages, by)
    put_away, more = _put_all_away(ledger, now, ages, until)
    return Kept(put_away, given_up, dropped, more)


_FORGOTTEN = """
SELECT id, lease, due_at FROM notices
WHERE state = CAST(:before AS text) AND state IN ('uncertain', 'dead') AND recorded_at < :kept_since
  AND id < COALESCE(:first_at_hand, 9223372036854775807)
ORDER BY id LIMIT :page FOR UPDATE SKIP LOCKED
"""
_FIRST_AT_HAND = """
SELECT id FROM notices WHERE recorded_at >= :at_hand_since AND recorded_at <= :now ORDER BY id LIMIT 1
"""


def _give_up(ledger: Engine, now: datetime, ages: Retention, by: str) -> int:
    """End notices left undecided by operators for the whole retention time: they may not outlive the rest.

    Not notices recorded after the first one in the working table, whatever their date: the clock had been set back.
    """
    why, number = "nobody decided about it for as long as notices are kept", 0
    with ledger.begin() as tx:
        first = tx.execute(text(_FIRST_AT_HAND), {"at_hand_since": ages.at_hand_since, "now": now}).scalar_one_or_none()
        for before, after in ((State.UNCERTAIN, State.DEAD), (State.DEAD, State.DISCARDED)):
            values = {"kept_since": ages.kept_since, "page": _PAGE, "first_at_hand": first}
            number += len(move_found(tx, before, after, _FORGOTTEN, by=by, why=why, **values))
    return number


def _put_all_away(ledger: Engine, now: datetime, ages: Retention, until: float) -> tuple[int, bool]:
    """Page by page in the order of recording, so that it ends where the working table's notices begin."""
    last, latest, number = 0, None, 0
    values = {
        "at_hand_since": ages.at_hand_since,
        "kept_since": ages.kept_since,
        "as_text": now.astimezone(UTC).isoformat(),
    }
    while time.monotonic() < until:
        with ledger.begin() as tx:
            page = tx.execute(text(_FIND), {"last": last, "latest": latest, "now": now, "page": _PAGE, **values}).one()
            if page.misdated:
                tx.execute(text(_REDATE), {"ids": page.misdated, "latest": page.latest})
            if page.ids:
                partitions.make(tx, "notices_past", [month.astimezone(UTC) for month in page.months or ()])
        if page.ids:
            with ledger.begin() as tx:
                number += int(tx.execute(text(_PUT_AWAY), {"ids": page.ids, **values}).scalar_one())
        if not page.more:
            return number, False
        last, latest = page.last, page.latest
    return number, True


def ready(tx: Connection) -> tuple[list[str], list[str]]:
    """For `hcc doctor`: the coming months that are missing, and the tables with rows that belong to no month."""
    coming = partitions.coming(ledger_now(tx))
    lacking = [
        f"{table} {month:%m/%Y}" for table in partitions.WRITTEN for month in partitions.lacking(tx, table, coming)
    ]
    return lacking, [table for table in partitions.MONTHLY if partitions.strays(tx, table)]
