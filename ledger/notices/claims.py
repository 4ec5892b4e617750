"""Claims: lock due notices, lease them out with their texts, and complete their attempts; all in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from domain.kinds import ANSWERS
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import ANOTHER_NUMBER, UNFOLLOWED, UNPROVEN, Attempt, Letter, Notice
from domain.outcome import Uncertain, charged, code_of, word
from domain.retry import Decision
from domain.tries import perhaps_tried, tag_of
from ledger.base.arrays import column
from ledger.base.statements import statement
from ledger.notices import late, reach
from ledger.notices.claimed import notice_of
from ledger.notices.eligibility import HEAD, IS_SURE, MAY_GO, TURNS, Bounds
from ledger.notices.moves import Move, move
from ledger.notices.notices import promote, promote_of
from ledger.notices.switches import STOPPED_CHANNELS

_ANSWERS = ", ".join(f"'{kind}'" for kind in sorted(ANSWERS))

# A follower who asks gets an answer even if they do not follow, unless they left after asking (R28).
_HEARS = f"""
    (f.follows OR n.kind IN ({_ANSWERS}) AND f.last_interaction_at > coalesce(f.follow_at, '-infinity'))"""
# The chat's "off" switch stops only notices about dossiers, not the chat's own answers.
_OFF = "(n.follower_id IS NULL AND coalesce(f.notices_off, false))"
# Eligible notices are locked one by one in order, and only as many as needed: `FOR UPDATE` keeps the second look-up on
# the primary key, one row at a time. The follower is looked up after the lock, because each claim skips the notices
# that other workers hold.
_LOCK_DUE = f"""
SELECT n.id, n.code, n.kind, n.event_key, n.attempts, n.fresh_at, n.facts, n.person_id,
       CASE WHEN p.withdrawn_at IS NULL THEN n.no_person_because ELSE 'the person withdrew' END AS no_person_because,
       CASE WHEN {_HEARS} AND {reach.MAY_HEAR} THEN f.user_id END AS user_id, NOT f.follows AS has_left,
       f.last_interaction_at,
       {_OFF} AS opted_out,
       n.said_no, NULLIF(p.phone_sealed, '') AS phone_sealed, n.tried_under, n.maybe_since,
       {STOPPED_CHANNELS} AS stopped
FROM (
    SELECT locked.* FROM (
        SELECT CAST(:oa AS text), CAST(:max_age AS float8), CAST(:lane AS smallint), CAST(:youngest AS float8),
               CAST(:oldest AS float8), CAST(:sure AS float8)
    ) AS w (oa, max_age, lane, youngest, oldest, sure)
    CROSS JOIN LATERAL (
        SELECT n.id, n.true_at FROM notices n WHERE {MAY_GO} ORDER BY n.due_at LIMIT {HEAD}
    ) AS first
    CROSS JOIN LATERAL (
        SELECT * FROM notices n WHERE n.id = first.id AND n.state = (SELECT 'due') AND n.{IS_SURE}
        FOR UPDATE SKIP LOCKED
    ) AS locked
    WHERE first.{IS_SURE}
    LIMIT :limit
) AS n
LEFT JOIN LATERAL (SELECT withdrawn_at, phone_sealed FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
LEFT JOIN LATERAL {reach.WHOM} AS f ON true
"""


def lock_due(tx: Connection, oa: str, lane: Lane, lease: str, limit: int, *, bounds: Bounds) -> list[Notice]:
    """Lock up to `limit` notices eligible in a lane, for this transaction; `lease_out` makes them ours.

    Notices that others have locked are skipped.
    """
    rows = list[Row[Any]]()
    for whose, youngest, oldest in TURNS[lane]:
        turn = {"lane": whose, "youngest": youngest, "oldest": oldest, "limit": limit - len(rows)}
        if len(rows) < limit:
            rows += tx.execute(statement(_LOCK_DUE), {"oa": oa, **turn, **bounds.values}).all()
    absent = _why_absent(tx, [row.id for row in rows if row.user_id is None])
    return [notice_of(row, oa, lease, absent.get(row.id)) for row in rows]


_ABSENT = f"""
SELECT n.id, CASE
    WHEN f.id IS NULL THEN (
        SELECT CASE WHEN c.state = 'open' THEN '{UNPROVEN}' ELSE '{ANOTHER_NUMBER}' END
        FROM phone_claims c JOIN followers o ON o.id = c.follower_id
        WHERE c.person_id = n.person_id AND (c.state = 'open' OR c.state = 'closed' AND o.person_id IS NOT NULL)
        ORDER BY c.state = 'open' DESC LIMIT 1)
    WHEN NOT f.follows THEN '{UNFOLLOWED}'
    WHEN NOT {reach.MAY_HEAR} THEN '{UNPROVEN}' END AS why
FROM unnest(CAST(:ids AS bigint[])) AS w (id)
CROSS JOIN LATERAL (SELECT id, person_id, follower_id, recorded_at FROM notices WHERE id = w.id OFFSET 0) AS n
LEFT JOIN LATERAL {reach.WHOM} AS f ON true
"""


def _why_absent(tx: Connection, ids: Sequence[int]) -> dict[int, str | None]:
    """Why these notices have no user to send to, where more is known than that no user is linked."""
    if not ids:
        return {}
    return {row.id: row.why for row in tx.execute(statement(_ABSENT), {"ids": column(ids)})}


# Look-up by primary key (see `notices`): the index of due notices would read a whole backlog for one batch.
_LEASE_OUT = """
WITH wanted AS (
    SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:texts AS text[]), CAST(:versions AS int[]))
        AS w (id, text, version)
),
leased AS (
    UPDATE notices n SET state = 'sending', lease = :lease, text = w.text, template_version = w.version, reason = NULL,
           lease_until = clock_timestamp() + make_interval(secs => :seconds)
    FROM wanted w WHERE n.id = w.id AND n.state = (SELECT 'due')
    RETURNING n.id
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), 'due', 'sending', NULL, :by FROM leased
"""


def lease_out(tx: Connection, letters: Sequence[Letter], *, seconds: float, by: str) -> None:
    """Lease locked notices to us until `seconds` from now, and store the texts about to be sent, with their versions.

    The texts are stored before sending, so that an uncertain attempt can be looked up by its exact text.
    """
    if letters:
        tx.execute(
            statement(_LEASE_OUT),
            {
                "ids": column(letter.notice.id for letter in letters),
                "texts": column(letter.text for letter in letters),
                "versions": column(letter.version for letter in letters),
                "lease": letters[0].notice.lease,
                "seconds": seconds,
                "by": by,
            },
        )


def commit_to(tx: Connection, channel: str, leased: Sequence[Notice]) -> None:
    """Note on leased notices the channel that is about to send them."""
    tx.execute(
        statement(
            "UPDATE notices SET channel = :channel WHERE id = ANY(:ids) AND state = 'sending' AND lease = :lease"
        ),
        {"channel": channel, "ids": [notice.id for notice in leased], "lease": leased[0].lease},
    )


_ATTEMPTS = """
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms, dong, connect_ms, first_byte_ms)
SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:channels AS text[]),
                     CAST(:outcomes AS text[]), CAST(:codes AS int[]), CAST(:ms AS int[]), CAST(:dong AS int[]),
                     CAST(:connect_ms AS int[]), CAST(:first_byte_ms AS int[]))
"""


def complete(tx: Connection, completed: Sequence[tuple[Attempt, Decision]], *, by: str) -> set[int]:
    """Record completed attempts: states, attempts and history, and promote the later notices that may go now.

    A notice that is unreachable becomes due again if the person became reachable meanwhile (`reach`). Returns the ids
    that moved. A missing id had lost its lease; its attempt is recorded all the same.
    """
    if not completed:
        return set()
    opened = reach.learned_since(tx, [(attempt.notice, decision) for attempt, decision in completed])
    ends = [(attempt, opened.get(attempt.notice.id, decision)) for attempt, decision in completed]
    moved = move(tx, [_completing(attempt, decision) for attempt, decision in ends], by=by)
    reach.begin_afresh(tx, opened, moved)
    moved |= late.settle_own_doubts(tx, [one for one in ends if one[0].notice.id not in moved], by=by)
    tx.execute(statement(_ATTEMPTS), _attempt_arrays([attempt for attempt, _ in completed]))
    promote_of(tx, {(attempt.notice.oa, attempt.notice.code) for attempt, _ in completed}, by=by)
    return moved


_RECORDED = """
SELECT a.notice_id FROM unnest(CAST(:ids AS bigint[]), CAST(:ats AS timestamptz[])) AS w (id, at)
JOIN attempts a ON a.notice_id = w.id AND a.at = w.at
"""


def recorded(tx: Connection, attempts: Sequence[Attempt]) -> set[int]:
    """The ids of notices whose attempts the ledger already has: their commit was not acknowledged."""
    values = {"ids": column(one.notice.id for one in attempts), "ats": column(one.at for one in attempts)}
    return set(tx.execute(text(_RECORDED), values).scalars())


def put_down(tx: Connection, untried: Sequence[tuple[Notice, Decision]], *, by: str) -> None:
    """Release leased notices that were not tried: no permit, nobody to send to, or no text could be made.

    A notice with nobody to send to becomes due again if the person became reachable meanwhile (`reach`).
    """
    if not untried:
        return
    opened = reach.learned_since(tx, untried)
    ends = [(notice, opened.get(notice.id, decision)) for notice, decision in untried]
    moves = [
        Move(notice.id, State.SENDING, decision.state, why=decision.reason, lease=notice.lease, due_at=decision.due_at)
        for notice, decision in ends
    ]
    reach.begin_afresh(tx, opened, move(tx, moves, by=by))
    promote(tx, untried[0][0].oa, {notice.code for notice, _ in untried}, by=by)


# Each look-up by key, as in `reach`; the follower is found in the same way as in the claim.
_UNWANTED = f"""
SELECT id, why FROM (
    SELECT w.id, CASE
        WHEN n.withdrawn IS NOT NULL THEN 'withdrawn meanwhile: ' || n.withdrawn
        WHEN n.true_at = '-infinity' THEN 'corrected meanwhile'
        WHEN p.withdrawn_at IS NOT NULL THEN 'the person withdrew meanwhile'
        WHEN w.user_id IS NULL THEN NULL
        WHEN f.user_id IS NULL THEN 'the phone is no user''s any more'
        WHEN f.user_id <> w.user_id THEN 'the phone moved to another user meanwhile'
        WHEN ({_HEARS}) IS NOT TRUE THEN 'unfollowed meanwhile'
        WHEN {_OFF} THEN 'opted out meanwhile'
        WHEN {reach.MAY_HEAR} IS NOT TRUE THEN 'the phone is not proven to be this user''s'
    END AS why
    FROM unnest(CAST(:ids AS bigint[]), CAST(:users AS text[])) AS w (id, user_id)
    CROSS JOIN LATERAL (
        SELECT person_id, follower_id, kind, recorded_at, withdrawn, true_at FROM notices WHERE id = w.id OFFSET 0
    ) AS n
    LEFT JOIN LATERAL (SELECT withdrawn_at FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
    LEFT JOIN LATERAL {reach.WHOM} AS f ON true
) AS judged WHERE why IS NOT NULL
"""


def unwanted(tx: Connection, claimed: Sequence[Notice]) -> dict[int, str]:
    """The claimed notices that may no longer be sent as claimed, each with the reason for its history.

    The event was withdrawn (R12) or corrected (`truth`) since the claim; or the person withdrew; or the Zalo
    user unfollowed, opted out, lost the phone, may not be told any more, or is another one (R28, R29).
    """
    values = {"ids": column(n.id for n in claimed), "users": column(n.user_id for n in claimed)}
    return {row.id: row.why for row in tx.execute(statement(_UNWANTED), values)}


def _completing(attempt: Attempt, decision: Decision) -> Move:
    return Move(
        id=attempt.notice.id,
        before=State.SENDING,
        after=decision.state,
        why=decision.reason,
        lease=attempt.notice.lease,
        due_at=decision.due_at,
        counts=int(decision.counts),
        channel=attempt.channel,
        code=code_of(attempt.outcome),
        message_id=decision.message_id,
        said_no=attempt.channel if decision.said_no else None,
        tried_under=_tried_under(attempt),
        maybe_since=decision.maybe_since,
    )


def _tried_under(attempt: Attempt) -> str:
    """The tags that the witness of this notice may have now."""
    notice, outcome = attempt.notice, attempt.outcome
    if isinstance(outcome, Uncertain) and outcome.earlier is not None:
        return outcome.earlier.tag
    return perhaps_tried(notice.tried_under, notice.lease) if attempt.unmarked else tag_of(notice.lease)


def _attempt_arrays(attempts: Sequence[Attempt]) -> dict[str, str]:
    return {
        "ids": column(a.notice.id for a in attempts),
        "ats": column(a.at for a in attempts),
        "channels": column(a.channel for a in attempts),
        "outcomes": column(word(a.outcome) for a in attempts),
        "codes": column(code_of(a.outcome) for a in attempts),
        "ms": column(a.ms for a in attempts),
        "dong": column(a.dong if charged(a.outcome) else 0 for a in attempts),
        "connect_ms": column(a.connect_ms for a in attempts),
        "first_byte_ms": column(a.first_byte_ms for a in attempts),
    }
