"""Notices: recorded from events, claimed in batches, settled in batches. Every other change goes through `moves`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from worker.domain.dossier import Reason
from worker.domain.event import Withdrawal
from worker.domain.kinds import ANSWERS, RANK
from worker.domain.lane import Lane
from worker.domain.lifecycle import BLOCKING, LIVE, State
from worker.domain.notice import OPTED_OUT, Attempt, Letter, Notice
from worker.domain.outcome import charged, code_of, word
from worker.domain.retry import Decision
from worker.domain.story import read_digest, read_stories
from worker.ledger.moves import Move, move, move_found

STALE = timedelta(hours=24)  # from this age on a notice is news no more where a later one exists

_BLOCKING = ", ".join(f"'{state}'" for state in sorted(BLOCKING))
_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))
_ANSWERS = ", ".join(f"'{kind}'" for kind in sorted(ANSWERS))

_HEARS = f"""
    (f.follows OR n.kind IN ({_ANSWERS}) AND f.last_interaction_at > coalesce(f.follow_at, '-infinity'))"""
# Who asks is answered also where they do not follow; not who left after asking (R28).
_OFF = "(n.follower_id IS NULL AND coalesce(f.notices_off, false))"
# Only what is told of dossiers is switched off in the chat, not what the chat itself answers.

EARLIER_UNFINISHED = f"""
    EXISTS (
        SELECT FROM notices e
        WHERE e.oa = n.oa AND e.code = n.code AND e.state IN ({_BLOCKING})
          AND (e.event_at, e.rank, e.id) < (n.event_at, n.rank, n.id)
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


_RECORD = f"""
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:ranks AS smallint[]),
        CAST(:units AS text[]), CAST(:facts AS jsonb[]), CAST(:people AS bigint[]), CAST(:nobodies AS text[]),
        CAST(:event_ats AS timestamptz[]), CAST(:fresh_ats AS timestamptz[]), CAST(:followers AS bigint[]),
        CAST(:phone_faults AS text[]), CAST(:phones_seen AS text[]), CAST(:lanes AS smallint[]))
    AS w (event_key, code, kind, rank, unit, facts, person_id, nobody, event_at, fresh_at, follower_id,
          phone_fault, phone_seen, lane)
),
unknown AS (
    SELECT w.*, row_number() OVER (PARTITION BY w.code ORDER BY w.event_at, w.rank) AS place FROM wanted w
    WHERE NOT EXISTS (SELECT FROM notices n WHERE n.oa = :oa AND n.event_key = w.event_key)
),
recorded AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, unit, facts, person_id, no_person_because, state, reason,
                         event_at, fresh_at, recorded_at, due_at, follower_id, phone_fault, phone_seen, lane)
    SELECT :oa, u.event_key, u.code, u.kind, u.rank, u.unit, u.facts, u.person_id, u.nobody,
           CASE WHEN off THEN 'suppressed' WHEN first THEN 'due' ELSE 'waiting' END,
           CASE WHEN off THEN '{OPTED_OUT}'
                WHEN first THEN NULL ELSE 'an earlier notice of this dossier is not finished' END,
           u.event_at, u.fresh_at, clock_timestamp(), clock_timestamp(), u.follower_id, u.phone_fault, u.phone_seen,
           u.lane
    FROM unknown u CROSS JOIN LATERAL (
        SELECT u.place = 1 AND NOT EXISTS (
            SELECT FROM notices e WHERE e.oa = :oa AND e.code = u.code AND e.state IN ({_BLOCKING})
              AND (e.event_at, e.rank) <= (u.event_at, u.rank)
        ) AS first, EXISTS (SELECT FROM followers f WHERE f.person_id = u.person_id AND f.notices_off) AS off
    ) AS f
    ORDER BY u.event_at, u.rank
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
    """Record events as notices; returns the keys that were not known before (R10). Order within `new` is free."""
    if not new:
        return set()
    one_each = {notice.event_key: notice for notice in reversed(new)}.values()
    rows = tx.execute(text(_RECORD), {"oa": oa, **_record_arrays(one_each)})
    recorded = set(rows.scalars())
    if min(notice.fresh_at for notice in new) < datetime.now(UTC) - STALE:
        supersede(tx, oa, {notice.code for notice in new})
    return recorded


_SUPERSEDED = """
SELECT n.id, n.lease, n.due_at FROM notices n
WHERE n.oa = :oa AND n.code = ANY(:codes) AND n.state = CAST(:before AS text)
  AND n.fresh_at < clock_timestamp() - make_interval(secs => :stale)
  AND EXISTS (
      SELECT FROM notices later WHERE later.oa = n.oa AND later.code = n.code
        AND (later.event_at, later.rank, later.id) > (n.event_at, n.rank, n.id)
        AND later.state NOT IN ('suppressed', 'expired', 'discarded')
  )
FOR UPDATE OF n
"""


def supersede(tx: Connection, oa: str, codes: Iterable[str]) -> set[int]:
    """After an outage only the latest state of a dossier is told: its older stale notices are suppressed (R15)."""
    dossiers = sorted(codes)
    values = {"oa": oa, "codes": dossiers, "stale": STALE.total_seconds()}
    why = "too late: a later notice tells the newer state"
    moved: set[int] = set()
    for before in (State.WAITING, State.DUE):
        moved |= move_found(tx, before, State.SUPPRESSED, _SUPERSEDED, by="producer", why=why, **values)
    promote(tx, oa, dossiers, by="producer")
    return moved


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may not be claimed at this moment: what is older (R15, the sweep's) and the kinds that wait for the day."""

    max_age: timedelta
    asleep: frozenset[str] = frozenset()

    @property
    def values(self) -> dict[str, Any]:
        return {"max_age": self.max_age.total_seconds(), "asleep": sorted(self.asleep)}


_MAY_GO = f"""
    n.oa = :oa AND n.state = 'due' AND n.due_at <= clock_timestamp() AND NOT {EARLIER_UNFINISHED}
    AND n.fresh_at > clock_timestamp() - make_interval(secs => :max_age) AND n.kind <> ALL(CAST(:asleep AS text[]))"""

_FIRST_LANE = f"""
SELECT w.lane FROM unnest(CAST(:lanes AS smallint[])) AS w (lane)
WHERE EXISTS (SELECT FROM notices n WHERE {_MAY_GO} AND n.lane = w.lane)
ORDER BY w.lane LIMIT 1
"""


def first_lane(tx: Connection, oa: str, bounds: Bounds) -> Lane | None:
    """The first lane in which some notice may be sent now; None where none may."""
    lane = tx.execute(text(_FIRST_LANE), {"oa": oa, "lanes": list(Lane), **bounds.values}).scalar_one_or_none()
    return None if lane is None else Lane(lane)


_LOCK_DUE = f"""
SELECT n.id, n.code, n.kind, n.event_key, n.attempts, n.fresh_at, n.facts, n.person_id,
       CASE WHEN p.withdrawn_at IS NULL THEN n.no_person_because ELSE 'the person withdrew' END AS no_person_because,
       CASE WHEN {_HEARS} THEN f.user_id END AS user_id, NOT f.follows AS has_left, f.last_interaction_at,
       {_OFF} AS opted_out,
       n.said_no, NULLIF(p.phone_sealed, '') AS phone_sealed
FROM notices n LEFT JOIN people p ON p.id = n.person_id
LEFT JOIN followers f ON f.id = COALESCE(n.follower_id, (SELECT id FROM followers WHERE person_id = n.person_id))
WHERE {_MAY_GO} AND n.lane = :lane
ORDER BY n.due_at
LIMIT :limit
FOR UPDATE OF n SKIP LOCKED
"""


def lock_due(tx: Connection, oa: str, lane: Lane, lease: str, limit: int, *, bounds: Bounds) -> list[Notice]:
    """Lock up to `limit` notices that may be sent, for this transaction; `lease_out` makes them ours.

    What others hold is skipped.
    """
    rows = tx.execute(text(_LOCK_DUE), {"oa": oa, "lane": lane, "limit": limit, **bounds.values})
    return [_notice(row, oa, lease) for row in rows]


_LEASE_OUT = """
WITH wanted AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:texts AS text[])) AS w (id, text)),
leased AS (
    UPDATE notices n SET state = 'sending', lease = :lease, text = w.text, reason = NULL,
           lease_until = clock_timestamp() + make_interval(secs => :seconds)
    FROM wanted w WHERE n.id = w.id AND n.state = 'due'
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
            text(_LEASE_OUT),
            {
                "ids": [letter.notice.id for letter in letters],
                "texts": [letter.text for letter in letters],
                "lease": letters[0].notice.lease,
                "seconds": seconds,
                "by": by,
            },
        )


def commit_to(tx: Connection, channel: str, leased: Sequence[Notice]) -> None:
    """Note on leased notices the channel that they are about to leave by."""
    tx.execute(
        text("UPDATE notices SET channel = :channel WHERE id = ANY(:ids) AND state = 'sending' AND lease = :lease"),
        {"channel": channel, "ids": [notice.id for notice in leased], "lease": leased[0].lease},
    )


_ATTEMPTS = """
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms, dong)
SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:channels AS text[]),
                     CAST(:outcomes AS text[]), CAST(:codes AS int[]), CAST(:ms AS int[]), CAST(:dong AS int[]))
"""


def settle(tx: Connection, settled: Sequence[tuple[Attempt, Decision]], *, by: str) -> set[int]:
    """Record what became of attempts: states, attempts, history, and the later notices that may go now.

    Returns the ids that moved; one that is missing had lost its lease, and its attempt is recorded all the same.
    """
    if not settled:
        return set()
    moved = move(tx, [_settling(attempt, decision) for attempt, decision in settled], by=by)
    tx.execute(text(_ATTEMPTS), _attempt_arrays([attempt for attempt, _ in settled]))
    promote(tx, settled[0][0].notice.oa, {attempt.notice.code for attempt, _ in settled}, by=by)
    return moved


def put_down(tx: Connection, untried: Sequence[tuple[Notice, Decision]], *, by: str) -> None:
    """Let go of leased notices that were not tried: no permit, nobody to tell, words that cannot be made."""
    if not untried:
        return
    moves = [
        Move(notice.id, State.SENDING, decision.state, why=decision.reason, lease=notice.lease, due_at=decision.due_at)
        for notice, decision in untried
    ]
    move(tx, moves, by=by)
    promote(tx, untried[0][0].oa, {notice.code for notice, _ in untried}, by=by)


_PROMOTABLE = f"""
SELECT n.id, n.lease, clock_timestamp() AS due_at FROM notices n
WHERE n.oa = :oa AND n.state = 'waiting' AND (CAST(:codes AS text[]) IS NULL OR n.code = ANY(:codes))
  AND NOT {EARLIER_UNFINISHED}
ORDER BY n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
"""


def promote(tx: Connection, oa: str, codes: Iterable[str] | None, *, by: str, limit: int = 10_000) -> set[int]:
    """Waiting notices (of these dossiers, or of all) that no earlier one holds back become due; returns their ids."""
    wanted = None if codes is None else sorted(codes)
    return move_found(tx, State.WAITING, State.DUE, _PROMOTABLE, by=by, why=None, oa=oa, codes=wanted, limit=limit)


def unwanted(tx: Connection, claimed: Sequence[Notice]) -> set[int]:
    """Of claimed notices, those withdrawn since (R12) and those whose Zalo user unfollowed, opted out or is another."""
    query = text(f"""
        SELECT w.id FROM unnest(CAST(:ids AS bigint[]), CAST(:users AS text[])) AS w (id, user_id)
        JOIN notices n ON n.id = w.id
        WHERE n.withdrawn IS NOT NULL OR (w.user_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM followers f WHERE f.oa = n.oa AND f.user_id = w.user_id AND {_HEARS} AND NOT {_OFF}))""")
    return set(tx.execute(query, {"ids": [n.id for n in claimed], "users": [n.user_id for n in claimed]}).scalars())


_WITHDRAW = f"""
WITH wanted AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:keys AS text[]), CAST(:whys AS text[]))
                AS w (code, key, why)),
found AS (
    SELECT n.id, {{why}} AS why FROM notices n
    WHERE n.oa = :oa AND n.code = ANY(CAST(:codes AS text[])) AND n.state IN ({_LIVE}) AND n.withdrawn IS NULL
      AND {{why}} IS NOT NULL
    ORDER BY n.id FOR UPDATE OF n
)
UPDATE notices n SET withdrawn = f.why, withdrawn_at = clock_timestamp() FROM found f WHERE n.id = f.id
RETURNING n.id, n.code, n.state, n.withdrawn
""".format(
    why="""(SELECT min(w.why) FROM wanted w WHERE w.code = n.code
             AND (w.key = n.event_key OR right(w.key, 1) = '*' AND starts_with(n.event_key, left(w.key, -1))))"""
)
_NOT_LEFT = (State.WAITING, State.DUE, State.UNREACHABLE)


def withdraw(tx: Connection, oa: str, withdrawals: Sequence[Withdrawal], *, by: str) -> set[int]:
    """Suppress notices that have not left and whose event is no longer true (R12); returns their ids.

    One that a worker holds right now is marked: it is let go before it is sent (`unwanted`), or when it comes back.
    """
    values = {
        "codes": [withdrawal.code for withdrawal in withdrawals],
        "keys": [withdrawal.key for withdrawal in withdrawals],
        "whys": [withdrawal.why for withdrawal in withdrawals],
    }
    marked = list(tx.execute(text(_WITHDRAW), {"oa": oa, **values}))
    moves = [
        Move(row.id, State(row.state), State.SUPPRESSED, why=row.withdrawn) for row in marked if row.state in _NOT_LEFT
    ]
    move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in marked}, by=by)
    return {row.id for row in marked}


_TRUE_AGAIN = """
UPDATE notices SET withdrawn = NULL, withdrawn_at = NULL, fresh_at = clock_timestamp()
WHERE oa = :oa AND event_key = ANY(CAST(:keys AS text[])) AND withdrawn IS NOT NULL
  AND withdrawn_at < clock_timestamp() - make_interval(secs => :seconds)
RETURNING id, code, state
"""
_READING = 60.0  # seconds that a poll may lie between reading the source and recording: longer than any task lives


def true_again(tx: Connection, oa: str, keys: Sequence[str], *, by: str) -> set[int]:
    """What was withdrawn before it left and is true again waits for its turn again; returns the ids.

    Not within a minute of the withdrawal: a slower poll may have read the source before it and tell us only now.
    """
    if not keys:
        return set()
    rows = list(tx.execute(text(_TRUE_AGAIN), {"oa": oa, "keys": sorted(keys), "seconds": _READING}))
    back = [row for row in rows if row.state == State.SUPPRESSED]
    moves = [Move(row.id, State.SUPPRESSED, State.WAITING, why="true again") for row in back]
    moved = move(tx, moves, by=by)
    promote(tx, oa, {row.code for row in back}, by=by)
    return moved


_DATES = """
SELECT DISTINCT ON (code) code, facts ->> 'appointment_at' AS at FROM notices
WHERE oa = :oa AND code = ANY(CAST(:codes AS text[])) AND facts ? 'appointment_at'
  AND state NOT IN ('suppressed', 'expired', 'discarded')
ORDER BY code, event_at DESC, rank DESC, id DESC
"""


def appointments_told(tx: Connection, oa: str, codes: Iterable[str]) -> dict[str, datetime]:
    """The appointment that each of these dossiers' people were, or are about to be, told last."""
    rows = tx.execute(text(_DATES), {"oa": oa, "codes": sorted(codes)})
    return {row.code: datetime.fromisoformat(row.at) for row in rows}


def _notice(row: Row[Any], oa: str, lease: str) -> Notice:
    facts, fault = _told(row.facts)
    return Notice(
        id=row.id,
        oa=oa,
        lease=lease,
        code=row.code,
        kind=row.kind,
        key=row.event_key,
        attempts=row.attempts,
        fresh_at=row.fresh_at,
        no_person_because=row.no_person_because,
        person_id=row.person_id,
        user_id=row.user_id,
        fault=fault,
        phone_sealed=bytes(row.phone_sealed or b"") or None,  # empty: erased
        interacted_at=row.last_interaction_at,
        left=bool(row.has_left),
        said_no=frozenset(row.said_no),
        opted_out=row.opted_out,
        **facts,
    )


def _told(facts: Any) -> tuple[dict[str, Any], str | None]:
    """What the texts of a notice may tell, or what is wrong with its facts: never a reason to raise."""
    try:
        reason = facts.get("reason")
        return {
            "amount": facts.get("amount"),
            "appointment_at": _moment(facts.get("appointment_at")),
            "deadline_at": _moment(facts.get("deadline_at")),
            "reason": Reason(reason) if reason else None,
            "sms": bool(facts.get("sms")),
            "stories": read_stories(facts.get("stories", ())),
            "digest": read_digest(facts["digest"]) if "digest" in facts else None,
        }, None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return {"amount": None, "appointment_at": None}, f"its facts cannot be read ({type(error).__name__})"


def _moment(iso: str | None) -> datetime | None:
    return datetime.fromisoformat(iso) if iso else None


def _settling(attempt: Attempt, decision: Decision) -> Move:
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
    )


def _record_arrays(new: Iterable[NewNotice]) -> dict[str, list[Any]]:
    rows = list(new)
    return {
        "keys": [n.event_key for n in rows],
        "codes": [n.code for n in rows],
        "kinds": [n.kind for n in rows],
        "ranks": [RANK[n.kind] for n in rows],
        "units": [n.unit for n in rows],
        "facts": [json.dumps(n.facts) for n in rows],
        "people": [n.person_id for n in rows],
        "nobodies": [n.no_person_because for n in rows],
        "event_ats": [n.event_at for n in rows],
        "fresh_ats": [n.fresh_at for n in rows],
        "followers": [n.follower_id for n in rows],
        "phone_faults": [n.phone_fault for n in rows],
        "phones_seen": [n.phone_seen for n in rows],
        "lanes": [n.lane for n in rows],
    }


def _attempt_arrays(attempts: Sequence[Attempt]) -> dict[str, list[Any]]:
    return {
        "ids": [a.notice.id for a in attempts],
        "ats": [a.at for a in attempts],
        "channels": [a.channel for a in attempts],
        "outcomes": [word(a.outcome) for a in attempts],
        "codes": [code_of(a.outcome) for a in attempts],
        "ms": [a.ms for a in attempts],
        "dong": [a.dong if charged(a.outcome) else 0 for a in attempts],
    }
