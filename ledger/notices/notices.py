"""Records events as notices, each once, and promotes them in order per dossier. `claims` has the worker's side.

When a flood comes, the planner's statistics on live notices are outdated, so no statement on the hot path may depend on
them. In this package `OFFSET 0` is an optimisation fence: it forces an index look-up per row, where a join would read
all live notices (a claim took 2 s instead of 1 ms). `state = (SELECT 'waiting')` matches no partial index, so the
planner finds the rows by the other conditions, not among all waiting notices.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from domain.event import WordHold
from domain.kinds import RANK
from domain.lane import Lane
from domain.lifecycle import BLOCKING, State
from domain.notice import OPTED_OUT
from ledger.base.arrays import column
from ledger.base.clock import EARLIER, host_now
from ledger.base.statements import statement
from ledger.notices.moves import move_found
from ledger.notices.order import place

FOUND_AGAIN = "found again after a restore: it may have been told"
STALE = timedelta(hours=24)  # a notice of this age is suppressed where a later one exists

_BLOCKING = ", ".join(f"'{state}'" for state in sorted(BLOCKING))

EARLIER_UNFINISHED = f"""
    EXISTS (
        SELECT FROM notices e
        WHERE e.oa = n.oa AND e.code = n.code AND e.state IN ({_BLOCKING})
          AND {place("e")} < {place("n")}
        OFFSET 0
    )"""
"""True where an earlier notice of the same dossier is unfinished: the later one waits (order per dossier)."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """An event about to be recorded: it has the person's id, or the reason why there is no person."""

    event_key: str
    code: str
    kind: str
    unit: str | None
    facts: Mapping[str, Any]  # JSON: the fields that the template of this kind needs, no personal data
    person_id: int | None
    no_person_because: str | None
    event_at: datetime
    fresh_at: datetime
    follower_id: int | None = None  # for a Zalo user of the OA, whatever their phone
    phone_fault: str | None = None  # a fault in the phone field for staff to check, if any
    phone_seen: str | None = None  # the phone field, masked
    lane: Lane = Lane.SERVICE
    held: WordHold | None = None  # the unknown word that holds it: it is quarantined until the word is known
    source_row: int = 0  # row id in the source table where ids increase: orders events with the same time
    asked_at: datetime | None = None  # ledger time before the source was queried; None: just now
    source_code: str | None = None  # the code as the source spells it
    happened_at: datetime | None = None  # the event's own time according to the source's columns
    kept_because: str | None = None  # why the volume guard quarantines it


_RECORD = f"""
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:ranks AS smallint[]),
        CAST(:units AS text[]), CAST(:facts AS jsonb[]), CAST(:people AS bigint[]), CAST(:nobodies AS text[]),
        CAST(:event_ats AS timestamptz[]), CAST(:fresh_ats AS timestamptz[]), CAST(:followers AS bigint[]),
        CAST(:phone_faults AS text[]), CAST(:phones_seen AS text[]), CAST(:lanes AS smallint[]),
        CAST(:source_rows AS bigint[]), CAST(:asked_ats AS timestamptz[]), CAST(:source_codes AS text[]),
        CAST(:happened_ats AS timestamptz[]), CAST(:kept AS text[]), CAST(:helds AS jsonb[]),
        CAST(:held_whys AS text[]))
    AS w (event_key, code, kind, rank, unit, facts, person_id, nobody, event_at, fresh_at, follower_id,
          phone_fault, phone_seen, lane, source_row, asked_at, source_code, happened_at, kept, held, held_why)
),
unknown AS (
    SELECT w.*, row_number() OVER (
        PARTITION BY w.code, w.is_kept ORDER BY w.event_at, w.rank, w.source_row, w.event_key) AS place
    FROM (SELECT v.*, v.kept IS NOT NULL OR v.held IS NOT NULL AS is_kept FROM wanted v) w
    WHERE NOT EXISTS (SELECT FROM notices n WHERE n.oa = :oa AND n.event_key = w.event_key OFFSET 0)
),
recorded AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, unit, facts, person_id, no_person_because, state, reason,
                         event_at, fresh_at, recorded_at, due_at, follower_id, phone_fault, phone_seen, lane,
                         source_row, true_at, source_code, happened_at, held)
    SELECT :oa, u.event_key, u.code, u.kind, u.rank, u.unit, u.facts, u.person_id, u.nobody,
           CASE WHEN off THEN 'suppressed' WHEN again OR u.is_kept THEN 'quarantined'
                WHEN first THEN 'due' ELSE 'waiting' END,
           CASE WHEN off THEN '{OPTED_OUT}' WHEN again THEN '{FOUND_AGAIN}'
                WHEN u.is_kept THEN coalesce(u.kept, u.held_why)
                WHEN first THEN NULL ELSE 'an earlier notice of this dossier is not finished' END,
           u.event_at, u.fresh_at, statement_timestamp(), clock_timestamp(), u.follower_id, u.phone_fault,
           u.phone_seen, u.lane, u.source_row,
           CASE WHEN u.follower_id IS NULL THEN coalesce(u.asked_at, statement_timestamp()) ELSE 'infinity' END,
           u.source_code, u.happened_at, u.held
    FROM unknown u CROSS JOIN LATERAL (
        SELECT u.place = 1 AND NOT EXISTS (
            SELECT FROM notices e WHERE e.oa = :oa AND e.code = u.code AND e.state IN ({_BLOCKING})
              AND (e.event_at, e.rank, e.source_row) <= (u.event_at, u.rank, u.source_row)
            OFFSET 0
        ) AS first, EXISTS (SELECT FROM followers f WHERE f.person_id = u.person_id AND f.notices_off
                         AND u.follower_id IS NULL OFFSET 0) AS off,
        EXISTS (SELECT FROM setbacks s WHERE s.sort = 'restored' AND u.fresh_at BETWEEN s.since AND s.until) AS again
        OFFSET 0
    ) AS f
    ORDER BY u.event_at, u.rank, u.source_row, u.event_key
    ON CONFLICT ON CONSTRAINT notices_oa_event_key DO NOTHING
    RETURNING id, state, reason, event_key
),
told AS (
    INSERT INTO history (notice_id, at, before, after, why, by)
    SELECT id, clock_timestamp(), NULL, state, reason, 'producer' FROM recorded
)
SELECT event_key FROM recorded
"""


def record(tx: Connection, oa: str, new: Sequence[NewNotice]) -> set[str]:
    """Record events as notices; returns the keys that were not known before (R10). Order within `new` is free.

    Keys of archived notices are in the baseline (`cursors.untold`); the poll checks all its keys there.
    """
    if not new:
        return set()
    one_each = {notice.event_key: notice for notice in reversed(new)}.values()
    rows = tx.execute(statement(_RECORD), {"oa": oa, **_record_arrays(one_each)})
    recorded = set(rows.scalars())
    if held := {notice.code for notice in new if notice.held}:
        promote(tx, oa, held, by="producer")  # a notice under a hold does not block later notices
    if min(notice.fresh_at for notice in new) < datetime.now(UTC) - STALE:
        supersede(tx, oa, {notice.code for notice in new})
    return recorded


_SUPERSEDED = f"""
SELECT n.id, n.lease, n.due_at FROM notices n
WHERE n.oa = :oa AND n.code = ANY(:codes) AND n.state = (SELECT CAST(:before AS text))
  AND n.fresh_at < {EARLIER} - make_interval(secs => :stale)
  AND EXISTS (
      SELECT FROM notices later WHERE later.oa = n.oa AND later.code = n.code
        AND {place("later")} > {place("n")}
        AND later.state NOT IN ('suppressed', 'expired', 'discarded', 'quarantined')
      OFFSET 0
  )
FOR UPDATE OF n
"""


def supersede(tx: Connection, oa: str, codes: Iterable[str]) -> set[int]:
    """After an outage, suppress stale notices of a dossier that has a later one: only the latest state is told (R15).

    A notice is stale only if both the ledger's and this host's clock agree: a jump of one clock discards nothing.
    """
    dossiers = sorted(codes)
    values = {"oa": oa, "codes": dossiers, "stale": STALE.total_seconds(), **host_now()}
    why = "too late: a later notice tells the newer state"
    moved: set[int] = set()
    for before in (State.WAITING, State.DUE):
        moved |= move_found(tx, before, State.SUPPRESSED, _SUPERSEDED, by="producer", why=why, **values)
    promote(tx, oa, dossiers, by="producer")
    return moved


_PROMOTABLE = f"""
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.oa = :oa AND n.state = 'waiting' AND NOT {EARLIER_UNFINISHED}
ORDER BY n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
"""

_PROMOTABLE_OF = f"""
SELECT found.id, found.lease, clock_timestamp() AS due_at
FROM unnest(CAST(:oas AS text[]), CAST(:codes AS text[])) AS w (oa, code) CROSS JOIN LATERAL (
    SELECT n.id, n.lease FROM notices n
    WHERE n.oa = w.oa AND n.code = w.code AND n.state IN ({_BLOCKING}) AND n.state = (SELECT 'waiting')
      AND NOT {EARLIER_UNFINISHED}
    FOR UPDATE OF n SKIP LOCKED
) AS found
"""


# Usually no notice is waiting. This check costs a fifth of a look-up for each dossier.
_WAITS = """
SELECT EXISTS (SELECT FROM notices n WHERE n.oa = ANY(CAST(:oas AS text[])) AND n.state = 'waiting' OFFSET 0)
"""


def promote(tx: Connection, oa: str, codes: Iterable[str] | None, *, by: str, limit: int = 10_000) -> set[int]:
    """Make waiting notices (of these dossiers, or of all) due if no earlier notice blocks them; returns their ids."""
    if codes is None:
        return move_found(tx, State.WAITING, State.DUE, _PROMOTABLE, by=by, why=None, oa=oa, limit=limit)
    return promote_of(tx, {(oa, code) for code in codes}, by=by)


def promote_of(tx: Connection, dossiers: Collection[tuple[str, str]], *, by: str) -> set[int]:
    """As `promote`, for dossiers of any OAs: (OA, code)."""
    if not dossiers or not tx.execute(statement(_WAITS), {"oas": column({oa for oa, _ in dossiers})}).scalar_one():
        return set()
    wanted = sorted(dossiers)
    values = {"oas": column(oa for oa, _ in wanted), "codes": column(code for _, code in wanted)}
    return move_found(tx, State.WAITING, State.DUE, _PROMOTABLE_OF, by=by, why=None, **values)


def _record_arrays(new: Iterable[NewNotice]) -> dict[str, str]:
    rows = list(new)
    return {
        "keys": column(n.event_key for n in rows),
        "codes": column(n.code for n in rows),
        "kinds": column(n.kind for n in rows),
        "ranks": column(RANK[n.kind] for n in rows),
        "units": column(n.unit for n in rows),
        "facts": column(json.dumps(n.facts) for n in rows),
        "people": column(n.person_id for n in rows),
        "nobodies": column(n.no_person_because for n in rows),
        "event_ats": column(n.event_at for n in rows),
        "fresh_ats": column(n.fresh_at for n in rows),
        "followers": column(n.follower_id for n in rows),
        "phone_faults": column(n.phone_fault for n in rows),
        "phones_seen": column(n.phone_seen for n in rows),
        "lanes": column(n.lane for n in rows),
        "source_rows": column(n.source_row for n in rows),
        "asked_ats": column(n.asked_at for n in rows),
        "source_codes": column(n.source_code for n in rows),
        "happened_ats": column(n.happened_at for n in rows),
        "kept": column(n.kept_because for n in rows),
        "helds": column(_held(n) for n in rows),
        "held_whys": column(n.held.why if n.held else None for n in rows),
    }


def _held(notice: NewNotice) -> str | None:
    """The JSON that `ledger.notices.unknown_words` reads: the hold by field of the source."""
    if notice.held is None:
        return None
    at = notice.asked_at.isoformat() if notice.asked_at else None
    return json.dumps({notice.held.field: {"mark": notice.held.mark, "why": notice.held.why, "at": at}})
