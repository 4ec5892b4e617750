"""Notices: recorded from events, each once, and let go in their order; `claims` has what workers do with them.

The planner's idea of how many notices are live is old when a flood comes, so no statement on the hot path may depend
on it. In this room `OFFSET 0` keeps a question a look-up in an index for each row, where a join would read all that is
live (a claim took 2 s instead of 1 ms). And `state = (SELECT 'waiting')`, which no partial index answers, says that the
rows are found by what else is asked, not among all that wait.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from worker.domain.event import WordHold
from worker.domain.kinds import RANK
from worker.domain.lane import Lane
from worker.domain.lifecycle import BLOCKING, State
from worker.domain.notice import OPTED_OUT
from worker.ledger.arrays import column
from worker.ledger.clock import EARLIER, host_now
from worker.ledger.moves import move_found
from worker.ledger.order import place
from worker.ledger.statements import statement

FOUND_AGAIN = "found again after a restore: it may have been told"
STALE = timedelta(hours=24)  # from this age on a notice is news no more where a later one exists

_BLOCKING = ", ".join(f"'{state}'" for state in sorted(BLOCKING))

EARLIER_UNFINISHED = f"""
    EXISTS (
        SELECT FROM notices e
        WHERE e.oa = n.oa AND e.code = n.code AND e.state IN ({_BLOCKING})
          AND {place("e")} < {place("n")}
        OFFSET 0
    )"""
"""True where an earlier notice of the same dossier is not finished: the later one waits (order per dossier)."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """An event about to be recorded: the person is known by id, or why there is none."""

    event_key: str
    code: str
    kind: str
    unit: str | None
    facts: Mapping[str, Any]  # JSON: what the template of this kind needs, no personal data
    person_id: int | None
    no_person_because: str | None
    event_at: datetime
    fresh_at: datetime
    follower_id: int | None = None  # told to a Zalo user of the OA, whatever their phone
    phone_fault: str | None = None  # what staff should look at in the phone field, if anything
    phone_seen: str | None = None  # that field, masked
    lane: Lane = Lane.SERVICE
    held: WordHold | None = None  # what keeps it back: it is quarantined until that is known
    source_row: int = 0  # the row of the source that tells of it, where ids increase: orders events of one moment
    asked_at: datetime | None = None  # by the ledger's clock, before the source was asked; None: just now
    source_code: str | None = None  # the code as the source spells it
    happened_at: datetime | None = None  # its own time as the source's columns say
    kept_because: str | None = None  # why the volume guard keeps it back


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

    Keys of notices that were put away are in the baseline (`cursors.untold`), where the poll asks for all of its own.
    """
    if not new:
        return set()
    one_each = {notice.event_key: notice for notice in reversed(new)}.values()
    rows = tx.execute(statement(_RECORD), {"oa": oa, **_record_arrays(one_each)})
    recorded = set(rows.scalars())
    if held := {notice.code for notice in new if notice.held}:
        promote(tx, oa, held, by="producer")  # what is kept back holds nothing else up
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
    """After an outage only the latest state of a dossier is told: its older stale notices are suppressed (R15).

    Stale by the ledger's clock and by this host's: a jump of one of them throws nothing away.
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


# Most of the time nothing waits, and this says so for a fifth of what it costs to look for each dossier.
_WAITS = """
SELECT EXISTS (SELECT FROM notices n WHERE n.oa = ANY(CAST(:oas AS text[])) AND n.state = 'waiting' OFFSET 0)
"""


def promote(tx: Connection, oa: str, codes: Iterable[str] | None, *, by: str, limit: int = 10_000) -> set[int]:
    """Waiting notices (of these dossiers, or of all) that no earlier one holds back become due; returns their ids."""
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
    """What `worker.ledger.holds` reads: by field of the source what keeps the notice back."""
    if notice.held is None:
        return None
    at = notice.asked_at.isoformat() if notice.asked_at else None
    return json.dumps({notice.held.field: {"mark": notice.held.mark, "why": notice.held.why, "at": at}})
