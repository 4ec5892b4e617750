"""When the roll-ups are recomputed (`ledger.reports.tallies`): rounds, one process at a time, resumed after a kill.

| round    | due every  | recounts                                                                        |
|----------|------------|---------------------------------------------------------------------------------|
| minutes  | minute     | the attempts of the last 15 minutes                                             |
| hours    | hour       | the attempts of the last 6 hours: some are completed late, after an outage      |
| days     | 5 minutes  | today and yesterday                                                             |
| night    | night      | the days whose notices moved; the first time all days with notices              |
| archive  |            | the days whose notices were put away, for the last time (`ledger.archive`)      |

A round that concerns days only lists them as stale. Each stale day is recounted in a transaction of its own, so neither
a kill nor a limit of time loses any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from domain.clock import to_vietnam
from ledger.archive import partitions
from ledger.base.clock import DAY
from ledger.base.clock import now as ledger_now
from ledger.reports import tallies

_LATELY, _LATE = timedelta(minutes=15), timedelta(hours=6)
_NIGHT = timedelta(hours=1)  # after midnight in Vietnam
_OVERLAP = timedelta(hours=1)  # of two nights: moves that were not committed yet


def catch_up(ledger: Engine, seconds: float) -> int:
    """Do what is due, for about `seconds`; returns how many steps. Nothing where another process is at it."""
    end, steps = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with ledger.begin() as tx:
            if not tallies.take_turn(tx) or not _step(tx):
                return steps
        steps += 1
    return steps


def bring_up(ledger: Engine, since: date, until: date) -> None:
    """Recount what is stale from `since` to before `until`, so that a question gets the numbers of this moment."""
    with ledger.begin() as tx:
        tallies.take_turn(tx, wait=True)
        now = ledger_now(tx)
        if "night" not in _began(tx):
            _run(tx, "night", now)
        _of_these_days(tx, now)
    for _ in rebuild(ledger, since, until):
        pass


def rebuild(ledger: Engine, since: date, until: date) -> Iterator[date]:
    """Recount the stale days from `since` to before `until`; yields each after its commit, the newest first."""
    query = text("SELECT max(day) FROM tally_stale WHERE day >= :since AND day < :until")
    while True:
        with ledger.begin() as tx:
            tallies.take_turn(tx, wait=True)
            day: date | None = tx.execute(query, {"since": since, "until": until}).scalar_one()
            if day is None:
                return
            _recount(tx, day)
        yield day


def mark_days(tx: Connection, days: int) -> tuple[date, date, int]:
    """List the last days, today included, as stale, and recount the kept minutes.

    Returns the first day, the day after the last, and how many days they are.
    """
    tallies.take_turn(tx, wait=True)
    now = ledger_now(tx)
    tallies.recount_minutes(tx, now - min(tallies.MINUTES_KEPT, timedelta(days=days)), now)
    today = to_vietnam(now).date()
    first = max(today - timedelta(days=days - 1), _first_day(tx) or today)
    _mark(tx, first, today)
    return first, today + timedelta(days=1), (today - first).days + 1


def age_seconds(tx: Connection) -> float | None:
    """How long ago today was last due for a recount; None before the first."""
    query = text("SELECT extract(epoch FROM clock_timestamp() - began_at) FROM tally_rounds WHERE name = 'days'")
    found = tx.execute(query).scalar_one_or_none()
    return None if found is None else float(found)


def _step(tx: Connection) -> bool:
    """The first round that is due, or else one stale day; False where there is nothing to do."""
    now, began = ledger_now(tx), _began(tx)
    for name in _ROUNDS:
        if name not in began or _is_due(name, began[name], now):
            _run(tx, name, now)
            return True
    day: date | None = tx.execute(text("SELECT max(day) FROM tally_stale")).scalar_one()
    if day is not None:
        _recount(tx, day)
    return day is not None


def _is_due(name: str, began: datetime, now: datetime) -> bool:
    """Also where it began in the future: the clock was set back since."""
    if name == "night":
        return began > now or to_vietnam(began).date() < (to_vietnam(now) - _NIGHT).date()
    return not now - _ROUNDS[name][0] < began <= now


def _began(tx: Connection) -> dict[str, datetime]:
    return {row.name: row.began_at for row in tx.execute(text("SELECT name, began_at FROM tally_rounds"))}


_NOTE = """
INSERT INTO tally_rounds (name, began_at) VALUES (:name, :at)
ON CONFLICT (name) DO UPDATE SET began_at = EXCLUDED.began_at
"""


def _run(tx: Connection, name: str, now: datetime) -> None:
    _ROUNDS[name][1](tx, now)
    tx.execute(text(_NOTE), {"name": name, "at": now})


def _recount(tx: Connection, day: date) -> None:
    tallies.recount_day(tx, day)
    tx.execute(text("DELETE FROM tally_stale WHERE day = :day"), {"day": day})


def _minutes(tx: Connection, now: datetime) -> None:
    tallies.recount_minutes(tx, now - _LATELY, now)


def _hours(tx: Connection, now: datetime) -> None:
    tallies.recount_minutes(tx, now - _LATE, now)
    tallies.forget_minutes(tx, now - tallies.MINUTES_KEPT)


def _of_these_days(tx: Connection, now: datetime) -> None:
    today = to_vietnam(now).date()
    _mark(tx, today - timedelta(days=1), today)


# Ids follow the order of recording: moves of newer notices are left out before their notice is looked up. The reason
# of a live notice may change without a move. The states are written as in the partial indexes of live notices; a notice
# that is just being sent will move.
_LIVE = "\n    UNION ALL\n    ".join(
    f"""SELECT n.recorded_at FROM unnest(CAST(:oas AS text[])) AS w (oa)
    CROSS JOIN LATERAL (SELECT recorded_at FROM notices WHERE oa = w.oa AND {these} OFFSET 0) AS n"""
    for these in (
        "state IN ('waiting', 'uncertain', 'dead', 'unreachable')",
        "state = 'due'",
        "state = 'quarantined'",
    )
)
_MOVED = f"""
WITH newer AS MATERIALIZED (
    SELECT coalesce(min(id), 9223372036854775807) AS id
    FROM (SELECT id FROM notices WHERE recorded_at >= :yesterday OFFSET 0) AS n
),
moved AS MATERIALIZED (SELECT DISTINCT notice_id FROM history, newer WHERE at >= :since AND notice_id < newer.id)
INSERT INTO tally_stale (day)
SELECT DISTINCT {DAY.format(moment="recorded_at")} FROM (
    SELECT n.recorded_at FROM moved
    CROSS JOIN LATERAL (SELECT recorded_at FROM notices WHERE id = moved.notice_id OFFSET 0) AS n
    UNION ALL
    {_LIVE}
) AS n
ON CONFLICT DO NOTHING
"""


def _moved_days(tx: Connection, now: datetime) -> None:
    """The first time: all days since the first notice, the archived ones included."""
    began = _began(tx).get("night")
    today = to_vietnam(now).date()
    if began is None:
        _mark(tx, _first_day(tx) or today, today)
        return
    query = text("SELECT oa FROM cursors UNION SELECT oa FROM tally_day WHERE day >= :since")
    oas = list(tx.execute(query, {"since": today - timedelta(days=30)}).scalars())
    yesterday, _ = tallies.bounds(today - timedelta(days=1))
    tx.execute(text(_MOVED), {"since": began - _OVERLAP, "yesterday": yesterday, "oas": oas})


def _first_day(tx: Connection) -> date | None:
    """The day of the oldest notice, at hand or in the archive, which goes by months."""
    oldest = tx.execute(text("SELECT recorded_at FROM notices ORDER BY id LIMIT 1")).scalar_one_or_none()
    months = [part.since for part in partitions.parts(tx, "notices_past") if part.since is not None]
    moments = [*([oldest] if oldest else []), *months]
    return to_vietnam(min(moments)).date() if moments else None


def _mark(tx: Connection, first: date, last: date) -> None:
    query = text("""
        INSERT INTO tally_stale (day)
        SELECT CAST(d AS date) FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS d
        ON CONFLICT DO NOTHING""")
    tx.execute(query, {"first": first, "last": last})


_ROUNDS: dict[str, tuple[timedelta, Callable[[Connection, datetime], None]]] = {
    "minutes": (timedelta(seconds=55), _minutes),
    "hours": (timedelta(hours=1), _hours),
    "days": (timedelta(minutes=5), _of_these_days),
    "night": (timedelta(days=1), _moved_days),
}
"""Each with the time between two of them, in the order in which they are done."""
