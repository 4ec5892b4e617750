"""The statements of the sweeps: each finds only notices that no live worker holds, and moves them by compare-and-set.

Statements that end notices by age get the current time as `now`; `worker.services.clocks` proves it by a second clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from domain.kinds import ANSWERS
from domain.lifecycle import State
from domain.settling import GIVE_UP
from domain.tries import perhaps_tried
from ledger.base.arrays import column
from ledger.base.clock import EARLIER, host_now
from ledger.base.statements import statement
from ledger.notices.moves import Move, move, move_found
from ledger.notices.order import place
from ledger.notices.reach import MAY_HEAR, hold_people
from ledger.notices.switches import AGES

_EXPIRED_LEASES = """
SELECT id, event_key, lease, tried_under FROM notices
WHERE oa = :oa AND state = 'sending' AND lease_until < statement_timestamp()
ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A notice under a lease, with the tags of its tries before that lease."""

    id: int
    key: str
    lease: str
    tried_under: str | None


def expired_leases(tx: Connection, oa: str, *, limit: int) -> dict[str, list[Leased]]:
    """Lock notices with an expired lease; returns them by lease. Skips a row that its worker is completing now."""
    found: dict[str, list[Leased]] = defaultdict(list)
    for row in tx.execute(text(_EXPIRED_LEASES), {"oa": oa, "limit": limit}):
        found[row.lease].append(Leased(row.id, row.event_key, row.lease, row.tried_under))
    return found


def end_leases(tx: Connection, oa: str) -> None:
    """End all leases of this OA: no worker that holds one is left."""
    query = text("UPDATE notices SET lease_until = statement_timestamp() - interval '1 second'"
                 " WHERE oa = :oa AND state = 'sending'")  # fmt: skip
    tx.execute(query, {"oa": oa})


def rescue(tx: Connection, *, certainly_not: Sequence[Leased], perhaps: Sequence[Leased], by: str) -> None:
    """Make notices that certainly did not leave due at once; those that may have left are uncertain (law 3)."""
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
    """Expire unsent notices older than `hours` (R15); returns their ids. `now` is a proven moment (UTC)."""
    expired: set[int] = set()
    for before in (State.WAITING, State.DUE):
        expired |= move_found(
            tx, before, State.EXPIRED, _TOO_OLD, by=by, why=f"older than {hours:g} hours",
            oa=oa, now=now, seconds=hours * 3600, limit=limit,
        )  # fmt: skip
    return expired


def close_unreachable(tx: Connection, oa: str, *, now: datetime, days: float, by: str, limit: int) -> set[int]:
    """Expire unreachable notices whose person did not follow within `days`; returns their ids. `now` as above."""
    return move_found(
        tx, State.UNREACHABLE, State.EXPIRED, _TOO_OLD, by=by, why=f"nobody followed within {days:g} days",
        oa=oa, now=now, seconds=days * 86400, limit=limit,
    )  # fmt: skip


DOUBTED_AT = """
    (SELECT max(h.at) FROM history h WHERE h.notice_id = n.id AND h.after = 'uncertain')"""
"""When the uncertain notice `n` last became uncertain."""

# By then all looks are over: the notice was left to an operator, or its channel cannot be asked.
_NOBODY_CAN_TELL = f"""
SELECT n.id, n.lease, n.due_at FROM notices n
WHERE n.oa = :oa AND n.state = CAST(:before AS text)
  AND n.fresh_at < CAST(:now AS timestamptz) - make_interval(secs => :seconds)
  AND {DOUBTED_AT} < CAST(:now AS timestamptz) - make_interval(secs => {GIVE_UP})
ORDER BY n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
"""


def close_doubts(tx: Connection, oa: str, *, now: datetime, hours: float, by: str, limit: int) -> set[int]:
    """Uncertain notices older than `hours` that asking cannot settle become dead; returns their ids.

    They no longer block their dossiers: `promote` lets the later notices go. `now` as above.
    """
    return move_found(
        tx, State.UNCERTAIN, State.DEAD, _NOBODY_CAN_TELL, by=by, why="nobody could tell whether it arrived",
        oa=oa, now=now, seconds=hours * 3600, limit=limit,
    )  # fmt: skip


_SET_BACK = (
    # Never tried, and no reason to wait: it was due when it was written.
    """UPDATE notices SET due_at = clock_timestamp()
       WHERE oa = :oa AND state = 'due' AND due_at > clock_timestamp() AND reason IS NULL""",
    # All other waiting notices are judged anew within a minute; a limit, a night or a quota postpones them again.
    """UPDATE notices SET due_at = clock_timestamp() + random() * interval '1 minute'
       WHERE oa = :oa AND state = 'due' AND due_at > clock_timestamp() + interval '1 minute'""",
    # The next look of uncertain notices.
    """UPDATE notices SET due_at = clock_timestamp()
       WHERE oa = :oa AND state = 'uncertain' AND due_at > clock_timestamp()""",
    """UPDATE notices SET lease_until = clock_timestamp() + make_interval(secs => :lease)
       WHERE oa = :oa AND state = 'sending' AND lease_until > clock_timestamp() + make_interval(secs => :lease)""",
    # A notice with a comparison time in the future would not follow the source until then.
    """UPDATE notices SET true_at = clock_timestamp()
       WHERE oa = :oa AND state IN ('waiting', 'due', 'sending', 'uncertain', 'dead', 'unreachable', 'quarantined')
         AND true_at > clock_timestamp() AND true_at < 'infinity'""",
    # The times of sending and of doubt: with times in the future, a look would take a sent message for an older row.
    """UPDATE history h SET at = h.at - CAST(:by AS interval) FROM notices n
       WHERE n.oa = :oa AND n.state IN ('sending', 'uncertain') AND h.notice_id = n.id
         AND h.at > clock_timestamp() + interval '30 seconds'""",
    """UPDATE receipts SET look_at = clock_timestamp(), received_at = received_at - CAST(:by AS interval),
              kept_until = kept_until - CAST(:by AS interval)
       WHERE oa = :oa AND received_at > clock_timestamp() + interval '30 seconds'""",
)


def bring_back(tx: Connection, oa: str, *, by: timedelta, lease_seconds: float) -> int:
    """Repair times after the ledger's clock was set back `by` so much, so that nothing waits for times in the future.

    Most of these times only set the next look; a look too early does no harm. Returns how many rows were changed.
    """
    values = {"oa": oa, "by": by, "lease": lease_seconds}
    return sum(tx.execute(text(statement), values).rowcount for statement in _SET_BACK)


_RETRIES = """
SELECT id, due_at, fresh_at, event_key, kind, reason, code_received AS code, attempts FROM notices
WHERE oa = :oa AND state = 'due' AND due_at > statement_timestamp() ORDER BY due_at
"""


def retries(tx: Connection, oa: str) -> Iterator[dict[str, Any]]:
    """The notices with a due time in the future, soonest first, in constant memory."""
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
    """Make notices that wait for one of these reasons due now, because the reason was lifted; returns the ids.

    Up to `limit` at a time. All other reasons to wait still apply.

    No state changes, so history has no entry; the audit records who lifted the reason.
    """
    return list(tx.execute(statement(_LET_GO), {"oa": oa, "reasons": list(reasons), "limit": limit}).scalars())


_OVER = """
SELECT w.id FROM unnest(CAST(:ids AS bigint[])) AS w (id)
WHERE NOT EXISTS (SELECT FROM notices n WHERE n.id = w.id AND n.state IN ('due', 'sending') OFFSET 0)
"""


def over(tx: Connection, ids: Sequence[int]) -> list[int]:
    """Of notices whose due time was in the future, those that ended before it: withdrawn, expired, discarded …"""
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
    """Make unreachable notices of at most `days` due for people who can be reached now; returns the ids now due.

    Only the latest notice of each dossier becomes due; the older ones are suppressed. It counts as new: its age limit
    starts when the person can be told. Notices for `followers` themselves become due as well, except answers to old
    questions. The caller records that the people can be reached before this call, in the same transaction. A follow
    is reported only once, so a clock that jumped must not hide a notice.
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
