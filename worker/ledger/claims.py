"""Claims: due notices are locked, leased out with their words, and settled; all in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from worker.domain.alarm import read_alarm
from worker.domain.dossier import Reason
from worker.domain.kinds import ANSWERS
from worker.domain.lane import Lane
from worker.domain.lifecycle import State
from worker.domain.notice import ANOTHER_NUMBER, UNFOLLOWED, UNPROVEN, Attempt, Letter, Notice
from worker.domain.outcome import Uncertain, charged, code_of, word
from worker.domain.retry import Decision
from worker.domain.story import read_digest, read_stories
from worker.domain.tries import perhaps_tried, tag_of
from worker.ledger import late, reach
from worker.ledger.arrays import column
from worker.ledger.moves import Move, move
from worker.ledger.notices import promote, promote_of
from worker.ledger.statements import statement
from worker.ledger.switches import STOPPED_CHANNELS
from worker.ledger.turns import HEAD, IS_SURE, MAY_GO, TURNS, Bounds

_ANSWERS = ", ".join(f"'{kind}'" for kind in sorted(ANSWERS))

# Who asks is answered also where they do not follow; not who left after asking (R28).
_HEARS = f"""
    (f.follows OR n.kind IN ({_ANSWERS}) AND f.last_interaction_at > coalesce(f.follow_at, '-infinity'))"""
# Only what is told of dossiers is switched off in the chat, not what the chat itself answers.
_OFF = "(n.follower_id IS NULL AND coalesce(f.notices_off, false))"
# Those that have their turn come in their order, one after the other, and as few as are needed: `FOR UPDATE` keeps the
# second look-up one by the primary key for each. Whom they are told to is looked for when they are locked, since what
# other workers hold is passed by for each claim.
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
LEFT JOIN LATERAL (
    SELECT user_id, follows, follow_at, last_interaction_at, notices_off, told_from FROM followers
    WHERE id = coalesce(n.follower_id, (SELECT id FROM followers WHERE person_id = n.person_id)) OFFSET 0
) AS f ON true
"""


def lock_due(tx: Connection, oa: str, lane: Lane, lease: str, limit: int, *, bounds: Bounds) -> list[Notice]:
    """Lock up to `limit` notices that have their turn in a lane, for this transaction; `lease_out` makes them ours.

    What others hold is skipped.
    """
    rows = list[Row[Any]]()
    for whose, youngest, oldest in TURNS[lane]:
        turn = {"lane": whose, "youngest": youngest, "oldest": oldest, "limit": limit - len(rows)}
        if len(rows) < limit:
            rows += tx.execute(statement(_LOCK_DUE), {"oa": oa, **turn, **bounds.values}).all()
    absent = _why_absent(tx, [row.id for row in rows if row.user_id is None])
    return [_notice(row, oa, lease, absent.get(row.id)) for row in rows]


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
LEFT JOIN LATERAL (
    SELECT id, follows, told_from FROM followers
    WHERE id = coalesce(n.follower_id, (SELECT id FROM followers WHERE person_id = n.person_id)) OFFSET 0
) AS f ON true
"""


def _why_absent(tx: Connection, ids: Sequence[int]) -> dict[int, str | None]:
    """Why no user can be told of these, where more is known than that none is linked."""
    if not ids:
        return {}
    return {row.id: row.why for row in tx.execute(statement(_ABSENT), {"ids": column(ids)})}


# By the primary key (see `notices`): by the index of what is due, a whole backlog would be read for one batch.
_LEASE_OUT = """
WITH wanted AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:texts AS text[])) AS w (id, text)),
leased AS (
    UPDATE notices n SET state = 'sending', lease = :lease, text = w.text, reason = NULL,
           lease_until = clock_timestamp() + make_interval(secs => :seconds)
    FROM wanted w WHERE n.id = w.id AND n.state = (SELECT 'due')
    RETURNING n.id
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), 'due', 'sending', NULL, :by FROM leased
"""


def lease_out(tx: Connection, letters: Sequence[Letter], *, seconds: float, by: str) -> None:
    """Make locked notices ours until `seconds` from now, and keep the words that are about to leave.

    The words are stored before they leave, so that an uncertain attempt can be looked up by its exact text.
    """
    if letters:
        tx.execute(
            statement(_LEASE_OUT),
            {
                "ids": column(letter.notice.id for letter in letters),
                "texts": column(letter.text for letter in letters),
                "lease": letters[0].notice.lease,
                "seconds": seconds,
                "by": by,
            },
        )


def commit_to(tx: Connection, channel: str, leased: Sequence[Notice]) -> None:
    """Note on leased notices the channel that they are about to leave by."""
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
    """Record what became of attempts: states, attempts, history, and the later notices that may go now.

    One whose person cannot be reached is due again where that was learned to be otherwise meanwhile (`reach`). Returns
    the ids that moved; one that is missing had lost its lease, and its attempt is recorded all the same.
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
    """Of these attempts, the notices of those that the ledger has already: their commit was not acknowledged."""
    values = {"ids": column(one.notice.id for one in attempts), "ats": column(one.at for one in attempts)}
    return set(tx.execute(text(_RECORDED), values).scalars())


def put_down(tx: Connection, untried: Sequence[tuple[Notice, Decision]], *, by: str) -> None:
    """Let go of leased notices that were not tried: no permit, nobody to tell, words that cannot be made.

    One that has nobody to tell is due again where the person was learned to be reached meanwhile (`reach`).
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


# Each look by a key, as in `reach`; whom the notice is told to is found as the claim finds them.
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
    LEFT JOIN LATERAL (
        SELECT user_id, follows, follow_at, last_interaction_at, notices_off, told_from FROM followers
        WHERE id = coalesce(n.follower_id, (SELECT id FROM followers WHERE person_id = n.person_id)) OFFSET 0
    ) AS f ON true
) AS judged WHERE why IS NOT NULL
"""


def unwanted(tx: Connection, claimed: Sequence[Notice]) -> dict[int, str]:
    """Of claimed notices, those that may not leave as they were claimed, each with the reason for its history.

    Withdrawn since (R12) or corrected since (`ledger.truth`); or their person withdrew, or their Zalo user unfollowed,
    opted out, lost the phone, may not hear of it any more, or is another (R28, R29).
    """
    values = {"ids": column(n.id for n in claimed), "users": column(n.user_id for n in claimed)}
    return {row.id: row.why for row in tx.execute(statement(_UNWANTED), values)}


def _notice(row: Sequence[Any], oa: str, lease: str, absent: str | None) -> Notice:
    (
        number, code, kind, key, attempts, fresh_at, facts, person, nobody, user, left, interacted_at, opted_out,
        said_no, sealed, tried_under, maybe_since, stopped,
    ) = row  # fmt: skip  # by place: by name a row costs as much again
    told, fault = _told(facts)
    return Notice(
        id=number,
        oa=oa,
        lease=lease,
        code=code,
        kind=kind,
        key=key,
        attempts=attempts,
        fresh_at=fresh_at,
        no_person_because=nobody,
        person_id=person,
        user_id=user,
        fault=fault,
        phone_sealed=bytes(sealed or b"") or None,  # empty: erased
        interacted_at=interacted_at,
        left=bool(left),
        absent=absent,
        said_no=frozenset(said_no),
        opted_out=opted_out,
        tried_under=tried_under,
        maybe_since=maybe_since,
        stopped=frozenset(stopped or ()),
        **told,
    )


def _told(facts: Any) -> tuple[dict[str, Any], str | None]:
    """What the texts of a notice may tell, or what is wrong with its facts: never a reason to raise."""
    nothing: dict[str, Any] = {"amount": None, "appointment_at": None}
    try:
        told = {name: _FACTS[name](value) for name, value in facts.items() if name in _FACTS and _is_there(value)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return nothing, f"its facts cannot be read ({type(error).__name__})"
    return nothing | told, None


def _is_there(value: Any) -> bool:
    return value is not None and value != ""


_FACTS: dict[str, Callable[[Any], Any]] = {
    "amount": lambda amount: amount,
    "appointment_at": datetime.fromisoformat,
    "deadline_at": datetime.fromisoformat,
    "reason": Reason,
    "sms": bool,
    "one_time_code": str,
    "stories": read_stories,
    "digest": read_digest,
    "alarm": read_alarm,
}
"""How each fact is read that a text may tell."""


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
    """The tags that the witness of this notice may bear now."""
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
