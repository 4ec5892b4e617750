"""The statements of the sweeps: each finds only what nobody alive holds, and moves it by compare-and-set.

What ends by its age is given the moment by which it is too old: `worker.clocks` has it proven by a second clock first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from worker.domain.kinds import ANSWERS
from worker.domain.lifecycle import State
from worker.domain.settling import GIVE_UP
from worker.domain.tries import perhaps_tried
from worker.ledger.arrays import column
from worker.ledger.clock import EARLIER, host_now
from worker.ledger.moves import Move, move, move_found
from worker.ledger.order import place
from worker.ledger.reach import MAY_HEAR, hold_people
from worker.ledger.statements import statement
from worker.ledger.switches import AGES

_EXPIRED_LEASES = """
SELECT id, event_key, lease, tried_under FROM notices
WHERE oa = :oa AND state = 'sending' AND lease_until < statement_timestamp()
ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A notice under a lease, and the tags of its tries before that one."""

    id: int
    key: str
    lease: str
    tried_under: str | None


def expired_leases(tx: Connection, oa: str, *, limit: int) -> dict[str, list[Leased]]:
    """Lock notices whose lease has ended; these by lease. A worker that completes one right now is left alone."""
    found: dict[str, list[Leased]] = defaultdict(list)
    for row in tx.execute(text(_EXPIRED_LEASES), {"oa": oa, "limit": limit}):
        found[row.lease].append(Leased(row.id, row.event_key, row.lease, row.tried_under))
    return found


def end_leases(tx: Connection, oa: str) -> None:
    """No lease of this OA runs any more: nobody is left who holds one."""
    query = text("UPDATE notices SET lease_until = statement_timestamp() - interval '1 second'"
                 " WHERE oa = :oa AND state = 'sending'")  # fmt: skip
    tx.execute(query, {"oa": oa})


def rescue(tx: Connection, *, certainly_not: Sequence[Leased], perhaps: Sequence[Leased], by: str) -> None:
    """What certainly did not leave is due again at once; what may have left is uncertain (law 3)."""
    why = "the worker was lost before this was sent"
    again = [Move(one.id, State.SENDING, State.DUE, why=why, lease=one.lease) for one in certainly_not]
    why = "the worker was lost while this was being sent"
    unsure = [
        Move(
            one.id, State.SENDING, State.UNCERTAIN, why=why, lease=one.lease, counts=1,
            tried_under=perhaps_tried(one.tried_under, one.lease),
        )
        for one in perhaps
    ]  # fmt: skip
    move(tx, again + unsure, by=by)


_TOO_OLD = f"""
SELECT n.id, n.lease, n.due_at FROM notices n
WHERE n.oa = :oa AND n.state = CAST(:before AS text)
  AND n.fresh_at < CAST(:now AS timestamptz) - make_interval(secs => :seconds) AND {AGES}
ORDER BY n.fresh_at LIMIT :limit FOR UPDATE SKIP LOCKED
"""


def expire(tx: Connection, oa: str, *, now: datetime, hours: float, by: str, limit: int) -> set[int]:
    """Unsent notices that are older than `hours` expire (R15); returns their ids. `now` is a proven moment (UTC)."""
    expired: set[int] = set()
    for before in (State.WAITING, State.DUE):
        expired |= move_found(
            tx, before, State.EXPIRED, _TOO_OLD, by=by, why=f"older than {hours:g} hours",
            oa=oa, now=now, seconds=hours * 3600, limit=limit,
        )  # fmt: skip
    return expired


def close_unreachable(tx: Connection, oa: str, *, now: datetime, days: float, by: str, limit: int) -> set[int]:
    """Unreachable notices whose person did not follow within `days` expire; returns their ids. `now` as above."""
    return move_found(
        tx, State.UNREACHABLE, State.EXPIRED, _TOO_OLD, by=by, why=f"nobody followed within {days:g} days",
        oa=oa, now=now, seconds=days * 86400, limit=limit,
    )  # fmt: skip


DOUBTED_AT = """
    (SELECT max(h.at) FROM history h WHERE h.notice_id = n.id AND h.after = 'uncertain')"""
"""When the uncertain notice `n` became so the last time."""

# By then all looks are over: it was left to an operator, or nobody can be asked about its channel.
_NOBODY_CAN_TELL = f"""
SELECT n.id, n.lease, n.due_at FROM notices n
WHERE n.oa = :oa AND n.state = CAST(:before AS text)
  AND n.fresh_at < CAST(:now AS timestamptz) - make_interval(secs => :seconds)
  AND {DOUBTED_AT} < CAST(:now AS timestamptz) - make_interval(secs => {GIVE_UP})
ORDER BY n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
"""


def close_doubts(tx: Connection, oa: str, *, now: datetime, hours: float, by: str, limit: int) -> set[int]:
    """Uncertain notices that are older than `hours` and cannot be settled by asking die; returns their ids.

    Their dossiers need not wait any longer: `promote` lets the later notices go. `now` as above.
    """
    return move_found(
        tx, State.UNCERTAIN, State.DEAD, _NOBODY_CAN_TELL, by=by, why="nobody could tell whether it arrived",
        oa=oa, now=now, seconds=hours * 3600, limit=limit,
    )  # fmt: skip


_SET_BACK = (
    # Never tried and given no reason to wait: it was due when it was written.
    """UPDATE notices SET due_at = clock_timestamp()
       WHERE oa = :oa AND state = 'due' AND due_at > clock_timestamp() AND reason IS NULL""",
    # Whatever else waits is judged anew within a minute; a limit, a night or a quota sends it back with its new time.
    """UPDATE notices SET due_at = clock_timestamp() + random() * interval '1 minute'
       WHERE oa = :oa AND state = 'due' AND due_at > clock_timestamp() + interval '1 minute'""",
    # The next look.
    """UPDATE notices SET due_at = clock_timestamp()
       WHERE oa = :oa AND state = 'uncertain' AND due_at > clock_timestamp()""",
    """UPDATE notices SET lease_until = clock_timestamp() + make_interval(secs => :lease)
       WHERE oa = :oa AND state = 'sending' AND lease_until > clock_timestamp() + make_interval(secs => :lease)""",
    # What was compared at a time to come would follow the source no more until then.
    """UPDATE notices SET true_at = clock_timestamp()
       WHERE oa = :oa AND state IN ('waiting', 'due', 'sending', 'uncertain', 'dead', 'unreachable', 'quarantined')
         AND true_at > clock_timestamp() AND true_at < 'infinity'""",
    # When it was sent, and since when it is in doubt: by times to come a look would take what arrived for older rows.
    """UPDATE history h SET at = h.at - CAST(:by AS interval) FROM notices n
       WHERE n.oa = :oa AND n.state IN ('sending', 'uncertain') AND h.notice_id = n.id
         AND h.at > clock_timestamp() + interval '30 seconds'""",
    """UPDATE receipts SET look_at = clock_timestamp(), received_at = received_at - CAST(:by AS interval),
              kept_until = kept_until - CAST(:by AS interval)
       WHERE oa = :oa AND received_at > clock_timestamp() + interval '30 seconds'""",
)


def bring_back(tx: Connection, oa: str, *, by: timedelta, lease_seconds: float) -> int:
    """The ledger's clock was set back `by` so much: what was written while it was ahead need not wait for that time.

    Most of these times only say when to look again: one too early does no harm. Returns how many rows were changed.
    """
    values = {"oa": oa, "by": by, "lease": lease_seconds}
    return sum(tx.execute(text(statement), values).rowcount for statement in _SET_BACK)


_RETRIES = """
SELECT id, due_at, fresh_at, event_key, kind, reason, code_received AS code, attempts FROM notices
WHERE oa = :oa AND state = 'due' AND due_at > statement_timestamp() ORDER BY due_at
"""


def retries(tx: Connection, oa: str) -> Iterator[dict[str, Any]]:
    """The notices that are due at a time to come, soonest first, in constant memory."""
    rows = tx.execution_options(yield_per=1000).execute(text(_RETRIES), {"oa": oa})
    return (dict(row) for row in rows.mappings())


_LET_GO = """
UPDATE notices n SET due_at = clock_timestamp()
WHERE n.id IN (
    SELECT id FROM notices
    WHERE oa = :oa AND state = 'due' AND due_at > statement_timestamp() AND reason = ANY(:reasons) LIMIT :limit)
  AND n.state = (SELECT 'due')
RETURNING n.id
"""


def let_go(tx: Connection, oa: str, reasons: Sequence[str], *, limit: int) -> list[int]:
    """What waits for one of these reasons is due now, as it was lifted; up to `limit` at a time. Returns the ids.

    Whatever else holds them still does.

    No state changes, so history has nothing to tell: the audit has who lifted what.
    """
    return list(tx.execute(statement(_LET_GO), {"oa": oa, "reasons": list(reasons), "limit": limit}).scalars())


_OVER = """
SELECT w.id FROM unnest(CAST(:ids AS bigint[])) AS w (id)
WHERE NOT EXISTS (SELECT FROM notices n WHERE n.id = w.id AND n.state IN ('due', 'sending') OFFSET 0)
"""


def over(tx: Connection, ids: Sequence[int]) -> list[int]:
    """Of notices that were due at a time to come, those that ended before it: withdrawn, expired, discarded …"""
    return list(tx.execute(statement(_OVER), {"ids": column(ids)}).scalars())


_HELD = """
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.state = (SELECT CAST(:before AS text)) AND n.person_id = ANY(:people) AND n.no_person_because IS NULL
  AND n.fresh_at >= {earlier} - make_interval(secs => :grace)
  AND NOT EXISTS (SELECT FROM followers f WHERE f.person_id = n.person_id AND (f.notices_off OR NOT {may_hear}))
  AND {which} (
      SELECT FROM notices later WHERE later.oa = n.oa AND later.code = n.code
        AND {later} > {own}
        AND later.state NOT IN ('suppressed', 'discarded', 'quarantined')
  )
ORDER BY n.id FOR UPDATE OF n
"""


_HELD_OF_FOLLOWERS = f"""
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.state = (SELECT CAST(:before AS text)) AND n.follower_id = ANY(:followers) AND n.kind <> ALL(:answers)
  AND n.fresh_at >= {EARLIER} - make_interval(secs => :grace)
ORDER BY n.id FOR UPDATE OF n
"""


def reopen(tx: Connection, people: Sequence[int], *, followers: Sequence[int] = (), days: float, by: str) -> set[int]:
    """What was held within `days` for people who can be reached now is due; returns the ids of what is due.

    Per dossier that is the latest notice; the older ones are suppressed. It is as fresh as a new one: its age limit
    begins when the person can be told. What was held for `followers` as such is due as well, but for answers to what
    they asked long ago. That they can be reached is written down before this is called, in the same transaction. A
    follow is told once, so a clock that jumped must not hide what was held.
    """
    if not people and not followers:
        return set()
    hold_people(tx, people)
    values = {"people": list(people), "grace": days * 86400, **host_now()}
    words = {"later": place("later"), "own": place("n"), "earlier": EARLIER, "may_hear": MAY_HEAR}
    superseded = _HELD.format(which="EXISTS", **words)
    why = "a later notice tells the newer state"
    move_found(tx, State.UNREACHABLE, State.SUPPRESSED, superseded, by=by, why=why, **values)
    latest = _HELD.format(which="NOT EXISTS", **words)
    why = "the person follows now"
    opened = move_found(tx, State.UNREACHABLE, State.DUE, latest, by=by, why=why, **values)
    values = {"followers": list(followers), "answers": sorted(ANSWERS), "grace": days * 86400, **host_now()}
    opened |= move_found(tx, State.UNREACHABLE, State.DUE, _HELD_OF_FOLLOWERS, by=by, why=why, **values)
    renew = text("UPDATE notices SET attempts = 0, said_no = '{}', fresh_at = clock_timestamp() WHERE id = ANY(:ids)")
    tx.execute(renew, {"ids": sorted(opened)})
    return opened
