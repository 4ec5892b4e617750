"""Keeps notices true to the source: corrects notices that have not left, and finds sent ones that are no longer true.

Several processes read the source, and the first to read may be the last to write. So each comparison carries the ledger
time before the source was queried (`asked_at`), and changes only notices last compared before it (`true_at`). A
notice that a worker holds, or that may have left already, keeps its text, because the person may be reading it. It is
only marked as wrong (`true_at = '-infinity'`). The mark stops it from leaving, and from being claimed again before the
next comparison.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from domain.lifecycle import LIVE, State
from domain.truth import FOLLOWING, Correct, Recorded
from ledger.base.arrays import column
from ledger.base.statements import statement
from ledger.notices.eligibility import FRESH_SECONDS, HEAD
from ledger.notices.moves import move_found
from ledger.notices.order import place

SOURCE = "source"
"""The reason of notices that may not leave before they are compared with the source again."""

WALKED = (State.WAITING, State.DUE, State.UNREACHABLE, State.QUARANTINED, State.DEAD)
"""The states that the slow pass walks through: besides these, only notices that a worker holds may still leave."""

_MAY_LEAVE = ", ".join(f"'{state}'" for state in sorted(LIVE | {State.EXPIRED}))
_LEAVING = "('sending', 'uncertain')"
_LOOKED_AFTER = "('result_ready', 'fee_requested', 'fee_corrected')"  # once told, they may prove wrong

_COLUMNS = """
    n.id, n.event_key, n.code, n.kind, n.state, n.facts, n.person_id, n.no_person_because, n.withdrawn,
    n.no_longer_so, n.source_code"""

_FOLLOWS = f"""
    (n.state IN ({_MAY_LEAVE}) OR n.state = 'suppressed' AND n.withdrawn IS NOT NULL
     OR n.kind IN {_LOOKED_AFTER} AND n.state IN ('sent', 'delivered', 'seen'))"""

_OF = f"""
SELECT found.* FROM unnest(CAST(:codes AS text[])) AS w (code) CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM notices n
    WHERE n.oa = :oa AND n.code = w.code AND {_FOLLOWS} AND n.true_at < :asked_at AND n.kind = ANY(:kinds)
    OFFSET 0
) AS found
"""


def of_dossiers(tx: Connection, oa: str, codes: Collection[str], asked_at: datetime) -> list[Recorded]:
    """The notices of these dossiers that follow the source and were last compared with it before `asked_at`."""
    if not codes:
        return []
    values = {"oa": oa, "codes": column(sorted(codes)), "asked_at": asked_at, "kinds": list(FOLLOWING)}
    return _read(tx.execute(statement(_OF), values))


_ANY_OF = f"""
SELECT w.code FROM unnest(CAST(:codes AS text[])) AS w (code)
WHERE EXISTS (SELECT FROM notices n WHERE n.oa = :oa AND n.code = w.code AND {_FOLLOWS} OFFSET 0)
"""


def followed(tx: Connection, oa: str, codes: Collection[str]) -> set[str]:
    """Those of these dossiers that have a notice which follows the source."""
    if not codes:
        return set()
    return set(tx.execute(statement(_ANY_OF), {"oa": oa, "codes": column(sorted(codes))}).scalars())


# The first of each lane in claim order, in two groups: notices that are due now or soon, and late ones.
_UNSURE = f"""
SELECT found.* FROM (
    SELECT DISTINCT lane, first, last, newest FROM unnest(CAST(:lanes AS smallint[])) AS l (lane)
    CROSS JOIN (VALUES (CAST(-:ahead AS float8), CAST({FRESH_SECONDS} AS float8), 0),
                       (CAST({FRESH_SECONDS} AS float8), CAST(1e9 AS float8), 1)) AS t (first, last, newest)
) AS w CROSS JOIN LATERAL (
    SELECT {_COLUMNS}, n.due_at, n.true_at FROM notices n
    WHERE n.oa = :oa AND n.state = 'due' AND n.lane = w.lane
      AND n.due_at <= statement_timestamp() - make_interval(secs => w.first)
      AND n.due_at > statement_timestamp() - make_interval(secs => w.last)
    ORDER BY n.due_at LIMIT {HEAD}
) AS found
WHERE found.true_at < statement_timestamp() - make_interval(secs => :seconds)
ORDER BY w.newest, found.due_at LIMIT :limit
"""
_AHEAD = 60.0  # seconds: a retry is compared before it is due, so it loses no time


def unsure(tx: Connection, oa: str, *, seconds: float, lanes: Sequence[int], limit: int) -> list[Recorded]:
    """Notices due now or soon, last compared more than `seconds` ago: the timely ones first, then the oldest due.

    Only the first of each lane: a backlog is compared as it comes up for sending, not as a whole again and again.
    """
    values = {"oa": oa, "seconds": seconds, "lanes": list(lanes), "limit": limit, "ahead": _AHEAD}
    return _read(tx.execute(statement(_UNSURE), values))


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a walk: the state and the last notice, by the key column of its index and by id."""

    state: State
    after: str | None = None
    id: int = 0


_AGES = frozenset({State.WAITING, State.DUE, State.UNREACHABLE})  # have an index by age; the others by id
_WALK = f"""
SELECT {_COLUMNS}, {{key}} AS key FROM notices n
WHERE n.oa = :oa AND n.state = '{{state}}' AND ({{key}}, n.id) > ({{after}}, :id) ORDER BY {{key}}, n.id LIMIT :limit
"""


def walk(tx: Connection, oa: str, at: Place, limit: int) -> tuple[list[Recorded], Place | None]:
    """A page of all notices that may still leave, and the next place; None at the end of the walk."""
    by_age = at.state in _AGES
    key, after = ("n.fresh_at", "CAST(:after AS timestamptz)") if by_age else ("n.id", "CAST(:after AS bigint)")
    query = _WALK.format(state=at.state.value, key=key, after=after)
    first = "-infinity" if by_age else "0"
    rows = tx.execute(text(query), {"oa": oa, "after": at.after or first, "id": at.id, "limit": limit}).all()
    if len(rows) >= limit:
        last = rows[-1]
        return _read(rows), Place(at.state, str(last.key.isoformat() if by_age else last.key), last.id)
    following = WALKED.index(at.state) + 1
    return _read(rows), Place(WALKED[following]) if following < len(WALKED) else None


_CORRECT = f"""
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:facts AS jsonb[]), CAST(:people AS bigint[]), CAST(:nobodies AS text[]),
        CAST(:faults AS text[]), CAST(:seen AS text[]), CAST(:whys AS text[]))
    AS w (id, facts, person_id, nobody, fault, seen, why)
),
found AS (
    SELECT n.id FROM notices n
    WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.true_at < :asked_at
      AND (n.state IN ({_MAY_LEAVE}) OR n.state = 'suppressed' AND n.withdrawn IS NOT NULL)
    ORDER BY n.id FOR UPDATE OF n
),
corrected AS (
    UPDATE notices n SET
        facts = CASE WHEN n.state IN {_LEAVING} THEN n.facts ELSE w.facts END,
        person_id = CASE WHEN n.state IN {_LEAVING} THEN n.person_id ELSE w.person_id END,
        no_person_because = CASE WHEN n.state IN {_LEAVING} THEN n.no_person_because ELSE w.nobody END,
        phone_fault = CASE WHEN n.state IN {_LEAVING} THEN n.phone_fault ELSE w.fault END,
        phone_seen = CASE WHEN n.state IN {_LEAVING} THEN n.phone_seen ELSE w.seen END,
        true_at = CASE WHEN n.state IN {_LEAVING} THEN '-infinity' ELSE :asked_at END,
        reason = CASE WHEN n.state = 'due' AND n.reason = '{SOURCE}' THEN NULL ELSE n.reason END
    FROM wanted w JOIN found f ON f.id = w.id
    WHERE n.id = w.id AND (n.state IN ({_MAY_LEAVE}) OR n.state = 'suppressed')
    RETURNING n.id, n.state, w.why
),
told AS (
    INSERT INTO history (notice_id, at, before, after, why, by)
    SELECT id, clock_timestamp(), state, state, why, :by FROM corrected WHERE state NOT IN {_LEAVING}
)
SELECT id FROM corrected
"""


def correct(
    tx: Connection, corrections: Mapping[int, Correct], *, asked_at: datetime, by: str, days: float
) -> set[int]:
    """Set facts and person of notices that have not left; returns the ids of the changed notices.

    An unreachable notice that now goes to another person becomes due: the latest of each dossier, as after a follow.
    It may be `days` old at most; its age starts anew.
    """
    if not corrections:
        return set()
    ids, wanted = sorted(corrections), [corrections[number] for number in sorted(corrections)]
    values = {
        "ids": column(ids),
        "facts": column(json.dumps(one.facts) for one in wanted),
        "people": column(one.person.id for one in wanted),
        "nobodies": column(one.person.fault if one.person.id is None else None for one in wanted),
        "faults": column(one.person.fault for one in wanted),
        "seen": column(one.person.seen for one in wanted),
        "whys": column(one.why for one in wanted),
    }
    changed = set(tx.execute(statement(_CORRECT), {**values, "asked_at": asked_at, "by": by}).scalars())
    others = [number for number in ids if number in changed and corrections[number].another_person]
    _open(tx, others, days=days, by=by)
    return changed


_HELD = f"""
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.state = 'unreachable'
  AND n.fresh_at >= clock_timestamp() - make_interval(secs => :grace)
  AND {{which}} (
      SELECT FROM notices later WHERE later.oa = n.oa AND later.code = n.code AND {place("later")} > {place("n")}
        AND later.state NOT IN ('suppressed', 'discarded', 'quarantined'))
ORDER BY n.id FOR UPDATE OF n
"""


def _open(tx: Connection, ids: Sequence[int], *, days: float, by: str) -> None:
    if not ids:
        return
    values = {"ids": list(ids), "grace": days * 86400}
    why = "a later notice tells the newer state"
    older = _HELD.format(which="EXISTS")
    move_found(tx, State.UNREACHABLE, State.SUPPRESSED, older, by=by, why=why, **values)
    why = "the phone was corrected"
    opened = move_found(tx, State.UNREACHABLE, State.DUE, _HELD.format(which="NOT EXISTS"), by=by, why=why, **values)
    renew = "UPDATE notices SET attempts = 0, said_no = '{}', fresh_at = clock_timestamp() WHERE id = ANY(:ids)"
    tx.execute(text(renew), {"ids": sorted(opened)})


# A row that cannot be locked at once is skipped: a claim holds it, and it is compared another time.
_COMPARED = f"""
UPDATE notices n SET true_at = :asked_at,
       reason = CASE WHEN n.state = 'due' AND n.reason = '{SOURCE}' THEN NULL ELSE n.reason END
WHERE n.id IN (
    SELECT id FROM notices WHERE id = ANY(CAST(:ids AS bigint[])) AND true_at < :asked_at AND state NOT IN {_LEAVING}
    ORDER BY id FOR UPDATE SKIP LOCKED)
"""


def compared(tx: Connection, ids: Iterable[int], asked_at: datetime) -> int:
    """Record that these notices match the source; returns how many were last compared before `asked_at`."""
    wanted = list(ids)
    if not wanted:
        return 0
    return tx.execute(statement(_COMPARED), {"ids": column(wanted), "asked_at": asked_at}).rowcount


_WAIT = f"""
UPDATE notices n SET reason = '{SOURCE}', due_at = n.due_at + make_interval(secs => :later)
WHERE n.id IN (
    SELECT id FROM notices WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'due'
      AND true_at < statement_timestamp() - make_interval(secs => :seconds)
      AND (:later > 0 OR reason IS DISTINCT FROM '{SOURCE}')
    ORDER BY id FOR UPDATE SKIP LOCKED)
"""


def wait_for_source(tx: Connection, ids: Iterable[int], *, seconds: float, later: float = 0.0) -> None:
    """Let those of these notices last compared more than `seconds` ago wait for the source, and set that reason.

    `later`: the source was read but gave no answer; postpone these by so many seconds, so that those behind go first.
    """
    if wanted := list(ids):
        tx.execute(statement(_WAIT), {"ids": column(wanted), "seconds": seconds, "later": later})


_AMISS = """
WITH wanted AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:whys AS text[])) AS w (id, why)),
noted AS (
    UPDATE notices n SET no_longer_so = w.why FROM wanted w
    WHERE n.id = w.id AND n.state IN ('sent', 'delivered', 'seen') AND n.no_longer_so IS DISTINCT FROM w.why
    RETURNING n.id, n.state, coalesce(w.why, 'told, and so again') AS why
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), state, state, why, :by FROM noted
"""


def note_amiss(tx: Connection, found: Mapping[int, str | None], *, by: str) -> int:
    """Note on told notices why they are not true now, or that they are true again (None); returns how many are new."""
    if not found:
        return 0
    values = {"ids": column(found), "whys": column(found.values()), "by": by}
    return tx.execute(statement(_AMISS), values).rowcount


def amiss(tx: Connection, oa: str, *, limit: int) -> list[tuple[str, str]]:
    """Sent notices that are no longer true: event key and reason, the newest first."""
    query = text("""
        SELECT event_key, no_longer_so FROM notices WHERE oa = :oa AND no_longer_so IS NOT NULL
        ORDER BY id DESC LIMIT :limit""")
    return [(row.event_key, row.no_longer_so) for row in tx.execute(query, {"oa": oa, "limit": limit})]


_AMOUNTS = """
SELECT w.code, w.payment, told.amount
FROM unnest(CAST(:codes AS text[]), CAST(:payments AS text[])) AS w (code, payment) CROSS JOIN LATERAL (
    SELECT (n.facts ->> 'amount')::bigint AS amount FROM notices n
    WHERE n.oa = :oa AND n.code = w.code
      AND (n.event_key = w.code || '/fee_requested/' || w.payment
           OR starts_with(n.event_key, w.code || '/fee_corrected/' || w.payment || '-'))
      AND n.state NOT IN ('suppressed', 'expired', 'discarded', 'quarantined')
    ORDER BY n.kind = 'fee_corrected' DESC, n.recorded_at DESC LIMIT 1
) AS told
"""


def amounts_told(tx: Connection, oa: str, payments: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The amount (đồng) that people were last told, or are about to be told, by payment: (dossier's code, its id)."""
    if not payments:
        return {}
    wanted = sorted(payments)
    values = {"oa": oa, "codes": column(code for code, _ in wanted), "payments": column(one for _, one in wanted)}
    return {(row.code, row.payment): row.amount for row in tx.execute(text(_AMOUNTS), values)}


def _read(rows: Iterable[Row[Any]]) -> list[Recorded]:
    return [
        Recorded(
            row.id, row.event_key, row.code, row.kind, State(row.state), row.facts, row.person_id,
            row.no_person_because, row.withdrawn is not None, row.no_longer_so, row.source_code,
        )
        for row in rows
    ]  # fmt: skip
