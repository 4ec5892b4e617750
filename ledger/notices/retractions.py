"""Withdrawals: events that are no longer true, and events that are true again (R12). The poll reports both.

Several processes read the source, and the first to read may be the last to record. Data read before a retraction must
not undo it; otherwise a paid fee would be requested. So a retraction has the time at which its transaction began, after
its page was read. A report that an event is true has the time since when the ledger's clock vouches for it: a moment
before the source was queried. The later of the two counts. Both are times of the ledger's own clock, never of a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from domain.event import Retraction
from domain.lifecycle import LIVE, State
from ledger.notices.moves import Move, move
from ledger.notices.notices import promote
from ledger.notices.order import place

# Expired notices, too: an operator may bring them back.
_MAY_BE_TOLD = ", ".join(f"'{state}'" for state in sorted(LIVE | {State.EXPIRED}))


_WITHDRAW = f"""
WITH wanted AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:keys AS text[]), CAST(:whys AS text[]))
                AS w (code, key, why)),
found AS (
    SELECT n.id, {{why}} AS why, n.withdrawn IS NOT NULL AS known FROM notices n
    WHERE n.oa = :oa AND n.code = ANY(CAST(:codes AS text[]))
      AND (n.state IN ({_MAY_BE_TOLD}) OR n.state = 'suppressed' AND n.withdrawn IS NOT NULL) AND {{why}} IS NOT NULL
    ORDER BY n.id FOR UPDATE OF n
)
UPDATE notices n SET withdrawn = coalesce(n.withdrawn, f.why),
       withdrawn_at = greatest(n.withdrawn_at, transaction_timestamp())
FROM found f WHERE n.id = f.id
RETURNING n.id, n.code, n.state, n.withdrawn, f.known
""".format(
    why="""(SELECT min(w.why) FROM wanted w WHERE w.code = n.code
             AND (w.key = n.event_key OR right(w.key, 1) = '*' AND starts_with(n.event_key, left(w.key, -1))))"""
)
_NOT_LEFT = (State.WAITING, State.DUE, State.UNREACHABLE, State.QUARANTINED)


def retract(tx: Connection, oa: str, events: Sequence[Retraction], *, by: str) -> set[int]:
    """Suppress notices that have not left and whose event is no longer true (R12); returns their ids.

    A notice that a worker holds is marked: it is released before it is sent (`unwanted`), or suppressed when it is
    returned to the queue. For notices withdrawn before, the time of the retraction is renewed.
    """
    values = {
        "codes": [retraction.code for retraction in events],
        "keys": [retraction.key for retraction in events],
        "whys": [retraction.why for retraction in events],
    }
    marked = [row for row in tx.execute(text(_WITHDRAW), {"oa": oa, **values}) if not row.known]
    moves = [
        Move(row.id, State(row.state), State.SUPPRESSED, why=row.withdrawn) for row in marked if row.state in _NOT_LEFT
    ]
    move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in marked}, by=by)
    return {row.id for row in marked}


_TRUE_AGAIN = """
UPDATE notices n SET withdrawn = NULL, withdrawn_at = NULL, fresh_at = clock_timestamp()
FROM unnest(CAST(:keys AS text[]), CAST(:asked_ats AS timestamptz[])) AS w (key, asked_at)
WHERE n.oa = :oa AND n.event_key = w.key AND n.withdrawn IS NOT NULL
  AND n.withdrawn_at < coalesce(w.asked_at, clock_timestamp() - make_interval(secs => :seconds))
RETURNING n.id, n.code, n.state
"""
_READING = 60.0  # seconds that a poll may take from reading the source to recording: longer than any task lives


def true_again(
    tx: Connection, oa: str, keys: Sequence[str], *, by: str, asked: Mapping[str, datetime] | None = None
) -> set[int]:
    """Return notices withdrawn before they left, whose event is true again, to waiting; returns the ids.

    `asked` has by key the ledger time before the source was queried. A key without one counts only a minute after the
    retraction: the source may have been read before it.
    """
    if not keys:
        return set()
    wanted = sorted(keys)
    asked_ats = [(asked or {}).get(key) for key in wanted]
    values = {"oa": oa, "keys": wanted, "asked_ats": asked_ats, "seconds": _READING}
    rows = list(tx.execute(text(_TRUE_AGAIN), values))
    back = [row for row in rows if row.state == State.SUPPRESSED]
    moves = [Move(row.id, State.SUPPRESSED, State.WAITING, why="true again") for row in back]
    moved = move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in back}, by=by)
    return moved


def disbelieved(tx: Connection, oa: str, keys: Sequence[str]) -> set[str]:
    """The codes of the dossiers with one of these events still withdrawn."""
    query = text("""
        SELECT code FROM notices n WHERE n.oa = :oa AND n.event_key = ANY(CAST(:keys AS text[]))
          AND n.withdrawn IS NOT NULL""")
    return set(tx.execute(query, {"oa": oa, "keys": list(keys)}).scalars())


_TOLD = f"""
SELECT DISTINCT ON (code) code, facts ->> :fact AS value FROM notices_ever
WHERE oa = :oa AND code = ANY(CAST(:codes AS text[])) AND facts ->> :fact IS NOT NULL
  AND state NOT IN ('suppressed', 'expired', 'discarded', 'quarantined')
ORDER BY code, {place("notices_ever")} DESC
"""


def facts_told(tx: Connection, oa: str, fact: str, codes: Iterable[str]) -> dict[str, str]:
    """The last value of a fact (`appointment_at`, `amount` …) that people were or are about to be told, by dossier.

    As text, as the ledger stores it. Makes no query for no dossiers.
    """
    wanted = sorted(codes)
    if not wanted:
        return {}
    rows = tx.execute(text(_TOLD), {"oa": oa, "codes": wanted, "fact": fact})
    return {row.code: row.value for row in rows}
