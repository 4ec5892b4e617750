"""Who can be reached is learned while workers hold notices; neither side may miss what the other does.

Who learns of it writes it down, then looks for notices that nobody could be told (`upkeep.reopen`); it does not see
one that a worker holds. The worker puts that one down, and would not see what was learned since its claim. So both
lock the person (or the follower, where the notice is told to one), and look afterwards, by a statement of its own:

    the worker locks first     the other waits for its end, and then sees the notice that it put down
    the other holds the lock   the worker does not wait: the notice is not put down, but due again in a moment
    the other has ended        the worker's look begins later, and sees what was learned: due again

A look in the statement that takes the lock would not do: it sees what was there when the statement began. All locks
last until the transaction ends. Workers share theirs and wait for none, so nobody waits in a ring with them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from worker.domain.lifecycle import State
from worker.domain.notice import OPTED_OUT, Notice
from worker.domain.retry import Decision
from worker.ledger.arrays import column
from worker.ledger.statements import statement

MAY_HEAR = "(n.follower_id IS NOT NULL OR f.told_from IS NULL OR n.recorded_at >= f.told_from)"
"""True where the notice `n` may be told to the follower `f`: who has proven nothing is told what came after the claim
of the phone (R29)."""

_AGAIN = "the person can be reached by now"
_MAYBE = "the person may be reached in a moment"
_MOMENT_SECONDS = 1  # by then whoever learns something of the person has ended


def hold_people(tx: Connection, people: Collection[int]) -> None:
    """To be called after it was written down that these people can be reached, and before the look for notices."""
    lock = "SELECT FROM people WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE"
    tx.execute(statement(lock), {"ids": sorted(people)})


_HOLD = """
SELECT n.id FROM unnest(CAST(:ids AS bigint[])) AS w (id) JOIN notices n ON n.id = w.id
LEFT JOIN LATERAL (SELECT id FROM people WHERE id = n.person_id FOR SHARE SKIP LOCKED) AS p ON true
LEFT JOIN LATERAL (SELECT id FROM followers WHERE id = n.follower_id FOR SHARE SKIP LOCKED) AS f ON true
WHERE p.id IS DISTINCT FROM n.person_id OR f.id IS DISTINCT FROM n.follower_id
"""

# What the claim read is not so any more: nobody to tell, another user, or silence that was wished for. By keys, as in
# `notices`: a join would read all followers where statistics are older than they are.
_CHANGED = f"""
SELECT w.id, NOT w.silent AND w.user_id IS NOT DISTINCT FROM f.user_id AS is_same, f.reached_at
FROM unnest(CAST(:ids AS bigint[]), CAST(:users AS text[]), CAST(:silent AS boolean[])) AS w (id, user_id, silent)
JOIN notices n ON n.id = w.id
LEFT JOIN LATERAL (SELECT withdrawn_at FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
LEFT JOIN LATERAL (
    SELECT user_id, follows, notices_off, reached_at, told_from FROM followers
    WHERE id = coalesce(n.follower_id, (SELECT id FROM followers WHERE person_id = n.person_id)) OFFSET 0
) AS f ON true
WHERE NOT (n.follower_id IS NULL AND coalesce(f.notices_off, false))
  AND (w.silent OR f.follows AND n.no_person_because IS NULL AND p.withdrawn_at IS NULL AND {MAY_HEAR})
"""

# Zalo says no of the very user whom the claim had read: only what was learned since counts, since the claim or since
# the first channel said no, so that a no is never asked for again and again.
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
    """What becomes of notices instead of being put down, since their person can be reached by now; mostly nothing.

    Asks nothing where no notice is put down for want of somebody to tell.
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
    """Those of whose person something was learned that would have led elsewhere."""
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
    """Those of these notices that moved are as patient as new ones, and may be tried on every channel again."""
    again = [number for number in opened if number in moved]
    if again:
        seconds = column(0 if opened[number].reason == _AGAIN else _MOMENT_SECONDS for number in again)
        tx.execute(statement(_RENEW), {"ids": column(again), "seconds": seconds})
