"""Withdrawals: events that are no longer true, and those that are true again (R12). The poll brings both.

Several processes read the source, and who read first may record last. What was read before a withdrawal does not undo
it, or a fee would be asked for that is paid. So a withdrawal has the time at which its transaction began, when its page
had been read; and who says that an event is true says since when the ledger's clock can vouch for it: a moment before
the source was asked. The later of the two counts. Both are times of the ledger's own clock, and no host's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from worker.domain.event import Withdrawal
from worker.domain.lifecycle import LIVE, State
from worker.ledger.moves import Move, move
from worker.ledger.notices import promote
from worker.ledger.order import place

# What expired, too, as an operator may bring it back.
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


def withdraw(tx: Connection, oa: str, withdrawals: Sequence[Withdrawal], *, by: str) -> set[int]:
    """Suppress notices that have not left and whose event is no longer true (R12); returns their ids.

    One that a worker holds right now is marked: it is let go before it is sent (`unwanted`), or when it comes back. Of
    what was withdrawn before it is noted that it is not true now either.
    """
    values = {
        "codes": [withdrawal.code for withdrawal in withdrawals],
        "keys": [withdrawal.key for withdrawal in withdrawals],
        "whys": [withdrawal.why for withdrawal in withdrawals],
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
_READING = 60.0  # seconds that a poll may lie between reading the source and recording: longer than any task lives


def true_again(
    tx: Connection, oa: str, keys: Sequence[str], *, by: str, asked: Mapping[str, datetime] | None = None
) -> set[int]:
    """What was withdrawn before it left and is true again waits for its turn again; returns the ids.

    `asked` has by key the ledger's time before the source was asked. A key without one is believed a minute after the
    withdrawal: it may have been read before that.
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
    """The codes of the dossiers of which one of these events stays withdrawn."""
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
    """Of a fact (`appointment_at`, `amount` …) what each of these dossiers' people were, or are about to be, told last.

    In the ledger's words. Asks nothing for no dossiers.
    """
    wanted = sorted(codes)
    if not wanted:
        return {}
    rows = tx.execute(text(_TOLD), {"oa": oa, "codes": wanted, "fact": fact})
    return {row.code: row.value for row in rows}
