"""Which OAs have something to do: one statement for all of them, so that 34 idle ones cost hardly more than one.

Each finds by a partial index of live rows whether there is anything at all; whoever is told so looks closely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from worker.domain.lane import Lane
from worker.domain.settling import GIVE_UP
from worker.ledger import unread
from worker.ledger.notices import EARLIER_UNFINISHED
from worker.ledger.switches import AGES, EVERY_OA
from worker.ledger.turns import ANY_MAY_GO, EVER
from worker.ledger.unread import EventReader
from worker.ledger.upkeep import DOUBTED_AT


@dataclass(frozen=True, slots=True)
class Ages:
    """How old a notice of an OA may get: before it is sent, and while its person is out of reach."""

    hours: float
    grace_days: float


_OAS = "unnest(CAST(:oas AS text[]), CAST(:unsent AS float8[]), CAST(:grace AS float8[])) AS w (oa, unsent, grace)"

_TO_DELIVER = f"""
SELECT DISTINCT o.oa FROM {_OAS.replace(" AS w ", " AS o ")} CROSS JOIN unnest(CAST(:lanes AS smallint[])) AS l (lane)
CROSS JOIN LATERAL (SELECT o.oa, o.unsent, l.lane, CAST(0 AS float8), CAST({EVER} AS float8), CAST(:sure AS float8))
           AS w (oa, max_age, lane, youngest, oldest, sure)
CROSS JOIN LATERAL ({ANY_MAY_GO}) AS found
"""


def to_deliver(tx: Connection, ages: Mapping[str, Ages], asleep: AbstractSet[str], *, sure: float = EVER) -> list[str]:
    """The OAs of which some notice may be sent now; `asleep` are the kinds that wait for the day.

    What was compared with the source longer than `sure` seconds ago waits for that.
    """
    values = {**_arrays(ages), "lanes": list(Lane), "asleep": sorted(asleep), "sure": sure}
    return list(tx.execute(text(_TO_DELIVER), values).scalars())


_TO_SWEEP = f"""
SELECT '{EVERY_OA}' AS oa WHERE EXISTS (SELECT FROM switches)
UNION ALL
SELECT w.oa FROM {_OAS}
WHERE EXISTS (
    SELECT FROM notices n WHERE n.oa = w.oa AND n.state = 'sending' AND n.lease_until < statement_timestamp())
OR EXISTS (SELECT FROM notices n WHERE n.oa = w.oa AND n.state = 'waiting' AND NOT {EARLIER_UNFINISHED})
OR EXISTS (
    SELECT FROM notices n WHERE n.oa = w.oa AND n.state IN ('waiting', 'due')
      AND n.fresh_at < statement_timestamp() - make_interval(secs => w.unsent) AND {AGES})
OR EXISTS (
    SELECT FROM notices n WHERE n.oa = w.oa AND n.state = 'unreachable'
      AND n.fresh_at < statement_timestamp() - make_interval(secs => w.grace) AND {AGES})
OR EXISTS (
    SELECT FROM notices n WHERE n.oa = w.oa AND n.state = 'uncertain'
      AND n.fresh_at < statement_timestamp() - make_interval(secs => w.unsent)
      AND {DOUBTED_AT} < statement_timestamp() - make_interval(secs => {GIVE_UP}))
"""


def to_sweep(tx: Connection, ages: Mapping[str, Ages]) -> list[str]:
    """The OAs with a lease that ended, a notice that nothing holds back any more, or one that got too old.

    `EVERY_OA` is among them while anything is switched off, or has been and its time is to be given back.
    """
    return list(tx.execute(text(_TO_SWEEP), _arrays(ages)).scalars())


_TO_LOOK_UP = """
SELECT w.oa FROM unnest(CAST(:oas AS text[])) AS w (oa)
WHERE EXISTS (SELECT FROM notices n WHERE n.oa = w.oa AND n.state = 'uncertain' AND n.due_at <= statement_timestamp())
"""


def to_look_up(tx: Connection, oas: Sequence[str]) -> list[str]:
    """The OAs with an uncertain notice whose next look may be due."""
    return list(tx.execute(text(_TO_LOOK_UP), {"oas": list(oas)}).scalars())


_TO_RENEW = """
SELECT oa FROM credentials
WHERE oa = ANY(:oas) AND dead_because IS NULL
  AND clock_timestamp() >= issued_at + (expires_at - issued_at) * 0.8
"""


def to_renew(tx: Connection, oas: Sequence[str]) -> list[str]:
    """The OAs whose access token is worn (`Credential.worn`): past 80 % of its life."""
    return list(tx.execute(text(_TO_RENEW), {"oas": list(oas)}).scalars())


_TO_APPLY = """
SELECT w.oa FROM unnest(CAST(:oas AS text[])) AS w (oa)
WHERE EXISTS (SELECT FROM zalo_events e WHERE e.oa = w.oa AND e.applied_at IS NULL)
   OR EXISTS (SELECT FROM receipts r WHERE r.oa = w.oa AND r.look_at <= now())
"""
_TO_TRY = f"OR EXISTS (SELECT FROM unread_events u WHERE u.oa = w.oa AND {unread.OFFERED})"


def to_apply(tx: Connection, oas: Sequence[str], reader: EventReader | None = None) -> list[str]:
    """The OAs with events of Zalo's that wait, or receipts that are to be looked at again.

    With a reader also those with an event that could not be read and that the reader is to try.
    """
    if reader is None:
        return list(tx.execute(text(_TO_APPLY), {"oas": list(oas)}).scalars())
    return list(tx.execute(text(_TO_APPLY + _TO_TRY), {"oas": list(oas), **reader.values}).scalars())


def _arrays(ages: Mapping[str, Ages]) -> dict[str, Any]:
    return {
        "oas": list(ages),
        "unsent": [age.hours * 3600 for age in ages.values()],
        "grace": [age.grace_days * 86400 for age in ages.values()],
    }
