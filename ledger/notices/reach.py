"""Closes the race between a worker that holds a notice and news that its person can be reached.

The process with the news writes it down, then looks for unreachable notices (`upkeep.reopen`); it does not see a notice
that a worker holds. The worker marks that notice as unreachable, and would not see news since its claim. So both lock
the person (or the follower, if the notice is for one), and look afterwards, in a separate statement:

    the worker locks first     the other waits for the worker's commit, and then sees the unreachable notice
    the other holds the lock   the worker does not wait: the notice does not become unreachable, but due in a moment
    the other has ended        the worker's look begins later and sees the news: due again

A look in the statement that takes the lock would not do: its snapshot is older than the lock. All locks last until the
transaction ends. Workers take shared locks and never wait for one, so there is no deadlock with them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from domain.lifecycle import State
from domain.notice import OPTED_OUT, Notice
from domain.retry import Decision
from ledger.base.arrays import column
from ledger.base.statements import statement

MAY_HEAR = "(n.follower_id IS NOT NULL OR f.told_from IS NULL OR n.recorded_at >= f.told_from)"
"""True where the notice `n` may be told to the follower `f`: a follower without proof is told only notices recorded
since the claim of the phone (R29)."""

WHOM = """(
    SELECT * FROM followers WHERE id = n.follower_id
    UNION ALL SELECT * FROM followers WHERE n.follower_id IS NULL AND person_id = n.person_id
)"""
"""The follower to whom the notice `n` is told: one look-up, by follower or by person."""

_AGAIN = "the person can be reached by now"
_MAYBE = "the person may be reached in a moment"
_MOMENT_SECONDS = 1  # by then the transaction with the news has ended


def hold_people(tx: Connection, people: Collection[int]) -> None:
    """Call after recording that these people can be reached, and before looking for their notices."""
    lock = "SELECT FROM people WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE"
    tx.execute(statement(lock), {"ids": sorted(people)})


_HOLD = """
SELECT n.id FROM unnest(CAST(:ids AS bigint[])) AS w (id) JOIN notices n ON n.id = w.id
LEFT JOIN LATERAL (SELECT id FROM people WHERE id = n.person_id FOR SHARE SKIP LOCKED) AS p ON true
LEFT JOIN LATERAL (SELECT id FROM followers WHERE id = n.follower_id FOR SHARE SKIP LOCKED) AS f ON true
WHERE p.id IS DISTINCT FROM n.person_id OR f.id IS DISTINCT FROM n.follower_id
"""

# The state that the claim read has changed: there was nobody to tell, another user, or an opt-out. Look-ups by key, as
# in `notices`: with outdated statistics a join would read all followers.
_CHANGED = f"""
SELECT w.id, NOT w.silent AND w.user_id IS NOT DISTINCT FROM f.user_id AS is_same, f.reached_at
FROM unnest(CAST(:ids AS bigint[]), CAST(:users AS text[]), CAST(:silent AS boolean[])) AS w (id, user_id, silent)
JOIN notices n ON n.id = w.id
LEFT JOIN LATERAL (SELECT withdrawn_at FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
LEFT JOIN LATERAL {WHOM} AS f ON true
WHERE NOT (n.follower_id IS NULL AND coalesce(f.notices_off, false))
  AND (w.silent OR f.follows AND n.no_person_because IS NULL AND p.withdrawn_at IS NULL AND {MAY_HEAR})
"""

# Zalo refused the very user that the claim had read. Only news since the claim counts, or since the first channel
# said no, so that a refusal is not tried again and again.
_REACHED_SINCE = f"""
SELECT w.id FROM unnest(CAST(:ids AS bigint[]), CAST(:reached AS timestamptz[])) AS w (id, reached_at)
JOIN notices n ON n.id = w.id
WHERE w.reached_at >= least(
    (SELECT max(h.at) FROM history h WHERE h.notice_id = n.id AND h.after = '{State.SENDING}'),
    (SELECT min(a.at) FROM attempts a WHERE a.notice_id = n.id AND a.outcome = 'unreachable' AND a.at >= n.fresh_at))
"""

_RENEW = """
UPDATE notices n SET attempts = 0, said_no = '{}', fresh_at = clock_timestamp(),
       due_at = clock_timestamp() + make_interval(secs => w.seconds)
FROM unnest(CAST(:ids AS bigint[]), CAST(:seconds AS float8[])) AS w (id, seconds)
WHERE n.id = w.id AND n.state = 'due'
"""


def learned_since(tx: Connection, ends: Sequence[tuple[Notice, Decision]]) -> dict[int, Decision]:
    """New decisions for notices that would become unreachable or suppressed while their person can be reached now.

    Mostly empty. Makes no query if no notice is ended for lack of a person to tell.
    """
    down = {notice.id: (notice, decision) for notice, decision in ends if _is_put_down(decision)}
    if not down:
        return {}
    unsure = set(tx.execute(statement(_HOLD), {"ids": column(down)}).scalars())
    changed = _changed(tx, list(down.values()))
    return {
        number: replace(decision, state=State.DUE, reason=_AGAIN if number in changed else _MAYBE)
        for number, (_, decision) in down.items()
        if number in changed | unsure
    }


def _changed(tx: Connection, down: Sequence[tuple[Notice, Decision]]) -> set[int]:
    """The notices about whose person there is news that would have led to another decision."""
    values = {
        "ids": column(notice.id for notice, _ in down),
        "users": column(notice.user_id for notice, _ in down),
        "silent": column(decision.reason == OPTED_OUT for _, decision in down),
    }
    rows = tx.execute(statement(_CHANGED), values).all()
    same = [row for row in rows if row.is_same and row.reached_at is not None]
    changed = {row.id for row in rows if not row.is_same}
    if same:
        values = {"ids": column(row.id for row in same), "reached": column(row.reached_at for row in same)}
        changed.update(tx.execute(statement(_REACHED_SINCE), values).scalars())
    return changed


def _is_put_down(decision: Decision) -> bool:
    silenced = decision.state is State.SUPPRESSED and decision.reason == OPTED_OUT
    return decision.state is State.UNREACHABLE or silenced


def begin_afresh(tx: Connection, opened: dict[int, Decision], moved: Collection[int]) -> None:
    """Those of these notices that moved get the patience of new ones, and may be tried on every channel again."""
    again = [number for number in opened if number in moved]
    if again:
        seconds = column(0 if opened[number].reason == _AGAIN else _MOMENT_SECONDS for number in again)
        tx.execute(statement(_RENEW), {"ids": column(again), "seconds": seconds})
