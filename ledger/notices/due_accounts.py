"""Which OAs have work: one statement for all of them, so that 34 idle OAs cost hardly more than one.

Each query uses a partial index of live rows to find whether there is any work at all; the caller then looks closely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from domain.lane import Lane
from domain.settling import GIVE_UP
from ledger.notices.eligibility import ANY_MAY_GO, EVER
from ledger.notices.notices import EARLIER_UNFINISHED
from ledger.notices.sweep_queries import DOUBTED_AT
from ledger.notices.switches import AGES, EVERY_OA
from ledger.zalo import unread
from ledger.zalo.unread import EventReader


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How old a notice of an OA may get: before it is sent, and while its person cannot be reached."""

    hours: float
    grace_days: float


_OAS = "unnest(CAST(:oas AS text[]), CAST(:unsent AS float8[]), CAST(:grace AS float8[])) AS w (oa, unsent, grace)"

_TO_DELIVER = f"""
SELECT DISTINCT o.oa FROM {_OAS.replace(" AS w ", " AS o ")} CROSS JOIN unnest(CAST(:lanes AS smallint[])) AS l (lane)
CROSS JOIN LATERAL (SELECT o.oa, o.unsent, l.lane, CAST(0 AS float8), CAST({EVER} AS float8), CAST(:sure AS float8))
           AS w (oa, max_age, lane, youngest, oldest, sure)
CROSS JOIN LATERAL ({ANY_MAY_GO}) AS found
"""


def to_deliver(
    tx: Connection, ages: Mapping[str, AgeLimits], asleep: AbstractSet[str], *, sure: float = EVER
) -> list[str]:
    """The OAs with a notice that may be sent now; `asleep` are the kinds that wait for the day.

    Notices last compared with the source more than `sure` seconds ago wait for the next comparison.
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


def to_sweep(tx: Connection, ages: Mapping[str, AgeLimits]) -> list[str]:
    """The OAs with an expired lease, a waiting notice that nothing blocks any more, or a notice that got too old.

    `EVERY_OA` is among them while anything is switched off, or a past switch still has to give back its time.
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
    """The OAs with unapplied Zalo events, or receipts whose next look is due.

    With a reader, also those with an unread event that the reader is to try.
    """
    if reader is None:
        return list(tx.execute(text(_TO_APPLY), {"oas": list(oas)}).scalars())
    return list(tx.execute(text(_TO_APPLY + _TO_TRY), {"oas": list(oas), **reader.values}).scalars())


def _arrays(ages: Mapping[str, AgeLimits]) -> dict[str, Any]:
    return {
        "oas": list(ages),
        "unsent": [age.hours * 3600 for age in ages.values()],
        "grace": [age.grace_days * 86400 for age in ages.values()],
    }
