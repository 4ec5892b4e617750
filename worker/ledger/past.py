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
from worker.ledger.clock import now as ledger_now
from worker.ledger.cursors import KEY_HASH
from worker.ledger.months import Part
from worker.ledger.moves import move_found
from worker.ledger.tables import notices

AT_HAND = timedelta(days=90)
"""How long a notice stays at hand, with its words: receipts still come, reminders look back to it."""

_PAGE = 2000  # notices a transaction
_COLUMNS = [column.name for column in notices.c]
_KEPT = ", ".join("NULL" if name == "text" else name for name in _COLUMNS)
_FINISHED = ", ".join(f"'{state}'" for state in sorted(FINISHED))

# What was withdrawn before it left may be true again, and papers that are wanted by a day to come are reminded of,
# however late; both stay for as long as anything is kept. Deadlines are written in UTC, so they compare as text.
_OVER = f"""
    state IN ({_FINISHED}) AND recorded_at < :at_hand_since AND (recorded_at < :kept_since OR NOT (
        state = 'suppressed' AND withdrawn IS NOT NULL
        OR kind = 'supplement_required' AND coalesce(facts ->> 'deadline_at', '') >= :as_text))"""

# Ids are given in the order of recording, whatever the clock shows. A notice that is dated before one of a lower id was
# recorded while the clock was set back, and is as young as that one.
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

    put_away: int = 0
    given_up: int = 0
    dropped: Sequence[Part] = ()
    more: bool = False  # its time was over before all was put away


class Leap(Exception):  # noqa: N818 (a state of the world, as the callers read it, not an error of theirs)
    """Nobody has kept house for months, by a clock that may be wrong: nothing was done; an operator has to say so."""


def keep_house(ledger: Engine, *, now: datetime, keep_months: int, by: str, seconds: float, leap: bool = False) -> Kept:
    """Make the coming months, drop those that are too old, put away what is finished, for about so long.

    `now` is a proven moment (UTC, `worker.clocks`): what goes is gone for good. Raises `Leap` where it lies beyond the
    months that the last round made, as it does where all clocks are one and that one jumped by years; unless `leap`.
    """
    until = time.monotonic() + seconds
    with ledger.begin() as tx:
        if not leap and not months.covers(tx, now):
            raise Leap(f"no month was made for {now:%Y-%m}: nobody kept house for months, or the clock jumped")
        for table in months.WRITTEN:
            months.make(tx, table, [*months.coming(now), *months.strays(tx, table)])
    ages = Ages.at(now, keep_months)
    with ledger.begin() as tx:
        dropped = months.drop_before(tx, ages.kept_since)
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


def _give_up(ledger: Engine, now: datetime, ages: Ages, by: str) -> int:
    """What no operator has decided about for as long as anything is kept is dropped: it may not outlive the rest.

    Not what was recorded after the first notice at hand, whatever its date says: the clock had been set back.
    """
    why, number = "nobody decided about it for as long as notices are kept", 0
    with ledger.begin() as tx:
        first = tx.execute(text(_FIRST_AT_HAND), {"at_hand_since": ages.at_hand_since, "now": now}).scalar_one_or_none()
        for before, after in ((State.UNCERTAIN, State.DEAD), (State.DEAD, State.DISCARDED)):
            values = {"kept_since": ages.kept_since, "page": _PAGE, "first_at_hand": first}
            number += len(move_found(tx, before, after, _FORGOTTEN, by=by, why=why, **values))
    return number


def _put_all_away(ledger: Engine, now: datetime, ages: Ages, until: float) -> tuple[int, bool]:
    """Page by page in the order of recording, so that it ends where the notices at hand begin."""
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
                months.make(tx, "notices_past", [month.astimezone(UTC) for month in page.months or ()])
        if page.ids:
            with ledger.begin() as tx:
                number += int(tx.execute(text(_PUT_AWAY), {"ids": page.ids, **values}).scalar_one())
        if not page.more:
            return number, False
        last, latest = page.last, page.latest
    return number, True


def ready(tx: Connection) -> tuple[list[str], list[str]]:
    """For `hcc doctor`: the coming months that are lacking, and the tables with rows that belong to no month."""
    coming = months.coming(ledger_now(tx))
    lacking = [f"{table} {month:%m/%Y}" for table in months.WRITTEN for month in months.lacking(tx, table, coming)]
    return lacking, [table for table in months.MONTHLY if months.strays(tx, table)]
