"""Roll-ups: numbers for plots and reports, recomputed from notices and attempts, never counted by the hot path.

| table          | counts                                                                    | kept     |
|----------------|---------------------------------------------------------------------------|----------|
| `tally_minute` | attempts by minute, channel, outcome and code, with their delays          | 8 days   |
| `tally_day`    | notices by the day of recording, unit, kind, state, cause and channel     | for good |
| `tally_tries`  | attempts by day, unit, kind, channel and outcome, with their delays       | for good |
| `tally_dossiers` | dossiers with notices of a day, by unit and what became of the best one | for good |

Days are those of Vietnam's calendar. A recount replaces a day as a whole. Notices and attempts never become fewer
before they are forgotten (`ledger.archive`), so a recount with less than what is stored leaves the stored numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, text

from domain.clock import VIETNAM
from domain.delays import BOUNDS
from domain.kinds import ANSWERS, STAFF
from domain.tally_causes import tally_cause
from ledger.base.arrays import column

TALK = ", ".join(f"'{kind}'" for kind in sorted(ANSWERS | STAFF))
"""SQL: the kinds that are not about events of dossiers."""

MINUTES_KEPT = timedelta(days=8)

_TURN = 4_847_223  # the advisory lock of recounts; any number that nobody else uses
_LATE_TRIES = timedelta(days=120)  # an archived notice was not tried later than this


def take_turn(tx: Connection, *, wait: bool = False) -> bool:
    """Whether this transaction is the one that recounts: one at a time. `wait`: until the other one has ended."""
    if wait:
        tx.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _TURN})
        return True
    return bool(tx.execute(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": _TURN}).scalar_one())


def bounds(day: date) -> tuple[datetime, datetime]:
    """The beginning of a day of Vietnam's calendar, and that of the next one."""
    return datetime.combine(day, time.min, VIETNAM), datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


_BUCKET = f"width_bucket(extract(epoch FROM a.at - n.fresh_at) + a.ms / 1000.0, ARRAY[{', '.join(map(str, BOUNDS))}])"
_DELAYS = ", ".join(
    f"count(*) FILTER (WHERE outcome = 'sent' AND bucket = {place})" for place in range(len(BOUNDS) + 1)
)
_OF_NOTICE = "CROSS JOIN LATERAL (SELECT oa, unit, kind, fresh_at FROM notices WHERE id = a.notice_id OFFSET 0) AS n"

_MINUTES = f"""
INSERT INTO tally_minute (oa, at, channel, outcome, code, number, dong, delays)
SELECT oa, minute, channel, outcome, code, count(*), sum(dong), ARRAY[{_DELAYS}]
FROM (
    SELECT n.oa, date_trunc('minute', a.at) AS minute, a.channel, a.outcome, a.code, a.dong, {_BUCKET} AS bucket
    FROM attempts a {_OF_NOTICE} WHERE a.at >= :since AND a.at < :until
) AS tries
GROUP BY oa, minute, channel, outcome, code
"""


def recount_minutes(tx: Connection, since: datetime, until: datetime) -> None:
    """Recount the attempts of whole minutes, from `since` to before `until`."""
    window = {"since": since.replace(second=0, microsecond=0), "until": until}
    tx.execute(text("DELETE FROM tally_minute WHERE at >= :since AND at < :until"), window)
    tx.execute(text(_MINUTES), window)


def forget_minutes(tx: Connection, before: datetime) -> None:
    """Delete the minutes before this moment."""
    tx.execute(text("DELETE FROM tally_minute WHERE at < :before"), {"before": before})


def recount_day(tx: Connection, day: date) -> bool:
    """Recount the notices and the attempts of a day; returns whether a number changed."""
    since, until = bounds(day)
    values = {"day": day, "since": since, "until": until, "tried_since": since - _LATE_TRIES}
    return any([_recount_notices(tx, values), _recount_tries(tx, values), _recount_dossiers(tx, values)])


_COUNTED = """
SELECT n.oa, n.unit, n.kind, n.state, n.reason, n.no_person_because IS NOT NULL AS nobody, n.channel,
       count(*) AS number
FROM notices_ever n WHERE n.recorded_at >= :since AND n.recorded_at < :until GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_COSTS = """
SELECT n.oa, n.unit, n.kind, n.state, n.reason, n.no_person_because IS NOT NULL AS nobody, n.channel,
       sum(a.dong) AS number
FROM notices_ever n CROSS JOIN LATERAL (
    SELECT dong FROM attempts WHERE notice_id = n.id AND at >= :since AND dong > 0 OFFSET 0) AS a
WHERE n.recorded_at >= :since AND n.recorded_at < :until GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
# Without any cost since the day before, by clocks that may differ, no attempt has to be looked up.
_ANY_COST = "SELECT EXISTS (SELECT FROM spending WHERE day >= CAST(:day AS date) - 1 AND dong > 0)"
_DAY_COLUMNS = ("oa", "unit", "kind", "state", "cause", "channel", "number", "dong")


def _recount_notices(tx: Connection, values: dict[str, Any]) -> bool:
    numbers = _by_cause(tx.execute(text(_COUNTED), values))
    paid = tx.execute(text(_ANY_COST), values).scalar_one()
    costs = _by_cause(tx.execute(text(_COSTS), values)) if paid else Counter[Any]()
    rows = {(*key, number, costs[key]) for key, number in numbers.items()}
    return _replace(tx, "tally_day", _DAY_COLUMNS, rows, values["day"])


def _by_cause(rows: Iterable[Any]) -> Counter[Any]:
    counted = Counter[Any]()
    for oa, unit, kind, state, reason, nobody, channel, number in rows:
        counted[oa, unit, kind, state, tally_cause(state, reason, nobody=nobody), channel] += int(number)
    return counted


_TRIES = f"""
SELECT oa, unit, kind, channel, outcome, count(*), sum(dong), ARRAY[{_DELAYS}]
FROM (
    SELECT n.oa, n.unit, n.kind, a.channel, a.outcome, a.dong, {_BUCKET} AS bucket
    FROM attempts a {_OF_NOTICE} WHERE a.at >= :since AND a.at < :until
    UNION ALL
    SELECT n.oa, n.unit, n.kind, a.channel, a.outcome, a.dong, {_BUCKET} AS bucket
    FROM attempts a JOIN notices_past n ON n.id = a.notice_id
    WHERE a.at >= :since AND a.at < :until AND n.recorded_at >= :tried_since AND n.recorded_at < :until
) AS tries
GROUP BY oa, unit, kind, channel, outcome
"""
_TRY_COLUMNS = ("oa", "unit", "kind", "channel", "outcome", "number", "dong", "delays")


def _recount_tries(tx: Connection, values: dict[str, Any]) -> bool:
    rows = {(*row[:5], int(row[5]), int(row[6]), tuple(row[7])) for row in tx.execute(text(_TRIES), values)}
    return _replace(tx, "tally_tries", _TRY_COLUMNS, rows, values["day"])


# A dossier is told as soon as one notice of it was; else its newest notice says what keeps the person from it.
_DOSSIERS = f"""
SELECT oa, unit, state, reason, nobody, channel, count(*) AS number
FROM (
    SELECT DISTINCT ON (n.oa, n.code) n.oa, n.unit, n.state, n.reason, n.no_person_because IS NOT NULL AS nobody,
           n.channel
    FROM notices_ever n
    WHERE n.recorded_at >= :since AND n.recorded_at < :until AND n.kind NOT IN ({TALK})
    ORDER BY n.oa, n.code, n.state IN ('sent', 'delivered', 'seen') DESC, n.id DESC
) AS dossiers
GROUP BY 1, 2, 3, 4, 5, 6
"""
_DOSSIER_COLUMNS = ("oa", "unit", "state", "cause", "channel", "number")


def _recount_dossiers(tx: Connection, values: dict[str, Any]) -> bool:
    counted = Counter[Any]()
    for oa, unit, state, reason, nobody, channel, number in tx.execute(text(_DOSSIERS), values):
        counted[oa, unit, state, tally_cause(state, reason, nobody=nobody), channel] += int(number)
    rows = {(*key, number) for key, number in counted.items()}
    return _replace(tx, "tally_dossiers", _DOSSIER_COLUMNS, rows, values["day"])


def _replace(tx: Connection, table: str, columns: tuple[str, ...], rows: set[Any], day: date) -> bool:
    """Store the rows of a day in place of those that are there; nothing is written where they are the same."""
    query = text(f"SELECT {', '.join(columns)} FROM {table} WHERE day = :day")
    stored = {tuple(_hashable(value) for value in row) for row in tx.execute(query, {"day": day})}
    number = columns.index("number")
    if rows == stored or sum(row[number] for row in rows) < sum(row[number] for row in stored):
        return False
    tx.execute(text(f"DELETE FROM {table} WHERE day = :day"), {"day": day})
    if rows:
        tx.execute(text(_INSERT[table]), {"day": day, **_arrays(columns, rows)})
    return True


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _arrays(columns: tuple[str, ...], rows: set[Any]) -> dict[str, str]:
    values = zip(*rows, strict=True)
    return {
        name: column(f"{{{','.join(map(str, one))}}}" for one in given) if name == "delays" else column(given)
        for name, given in zip(columns, values, strict=True)
    }


_INSERT = {
    "tally_day": """
        INSERT INTO tally_day (day, oa, unit, kind, state, cause, channel, number, dong)
        SELECT :day, * FROM unnest(
            CAST(:oa AS text[]), CAST(:unit AS text[]), CAST(:kind AS text[]), CAST(:state AS text[]),
            CAST(:cause AS text[]), CAST(:channel AS text[]), CAST(:number AS bigint[]), CAST(:dong AS bigint[]))""",
    "tally_dossiers": """
        INSERT INTO tally_dossiers (day, oa, unit, state, cause, channel, number)
        SELECT :day, * FROM unnest(
            CAST(:oa AS text[]), CAST(:unit AS text[]), CAST(:state AS text[]), CAST(:cause AS text[]),
            CAST(:channel AS text[]), CAST(:number AS bigint[]))""",
    "tally_tries": """
        INSERT INTO tally_tries (day, oa, unit, kind, channel, outcome, number, dong, delays)
        SELECT :day, oa, unit, kind, channel, outcome, number, dong, CAST(delays AS bigint[]) FROM unnest(
            CAST(:oa AS text[]), CAST(:unit AS text[]), CAST(:kind AS text[]), CAST(:channel AS text[]),
            CAST(:outcome AS text[]), CAST(:number AS bigint[]), CAST(:dong AS bigint[]), CAST(:delays AS text[]))
            AS w (oa, unit, kind, channel, outcome, number, dong, delays)""",
}
