"""What the ledger knows of one dossier, for the answer to "why did this person not get the message?".

Every query finds its rows by an index, and reads at most a few dozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from domain.lifecycle import State
from ledger.notices import switches
from ledger.notices.order import place
from ledger.notices.switches import Switch

MOST = 200  # notices of one dossier; a dossier has fewer than twenty


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A row of the history."""

    at: datetime
    before: State | None
    after: State
    why: str | None
    by: str


@dataclass(frozen=True, slots=True)
class FollowFacts:
    """The follower whom a notice is for: whether and since when they follow, or wrote "dừng" (UTC)."""

    follows: bool
    follow_at: datetime | None
    notices_off: bool
    switched_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """A notice with all that explains its state. Times are UTC; `phone_seen` is masked, `phone_sealed` is the phone."""

    id: int
    event_key: str
    kind: str
    state: State
    reason: str | None
    channel: str | None
    code: int | None
    due_at: datetime
    fresh_at: datetime
    recorded_at: datetime
    event_at: datetime
    text: str | None = field(repr=False)
    phone_seen: str | None
    phone_sealed: bytes | None = field(repr=False)
    told: FollowFacts | None
    steps: Sequence[HistoryStep] = ()
    tries: int = 0
    stopped: Sequence[Switch] = ()

    def when(self, state: State) -> datetime | None:
        """When it last came into this state."""
        return max((step.at for step in self.steps if step.after is state and step.before is not state), default=None)


_NOTICES = f"""
SELECT n.id, n.event_key, n.kind, n.state, n.reason, n.channel, n.code_received AS code, n.due_at, n.fresh_at,
       n.recorded_at, n.event_at, n.text, n.phone_seen, p.phone_sealed,
       f.follows, f.follow_at, f.notices_off, f.switched_at
FROM notices_ever n
LEFT JOIN LATERAL (SELECT phone_sealed FROM people WHERE id = n.person_id OFFSET 0) AS p ON true
LEFT JOIN LATERAL (
    SELECT follows, follow_at, notices_off, switched_at FROM followers WHERE person_id = n.person_id OFFSET 0
) AS f ON true
WHERE n.oa = :oa AND n.code = :code ORDER BY {place("n")} LIMIT :most
"""
_STEPS = """
SELECT notice_id, at, before, after, why, by FROM history
WHERE notice_id = ANY(CAST(:ids AS bigint[])) AND at >= :since ORDER BY id
"""
_TRIES = """
SELECT notice_id, count(*) AS tries FROM attempts
WHERE notice_id = ANY(CAST(:ids AS bigint[])) AND at >= :since GROUP BY notice_id
"""
CLOCKS = timedelta(hours=1)
"""By as much an attempt's host may be behind the ledger, and more."""


def notices(tx: Connection, oa: str, code: str) -> list[NoticeFacts]:
    """The notices of a dossier in the order of their events."""
    rows = tx.execute(text(_NOTICES), {"oa": oa, "code": code, "most": MOST}).all()
    if not rows:
        return []
    # Months before the first notice are not looked at.
    values = {"ids": [row.id for row in rows], "since": min(row.recorded_at for row in rows) - CLOCKS}
    steps: dict[int, list[HistoryStep]] = {}
    for row in tx.execute(text(_STEPS), values):
        before = State(row.before) if row.before else None
        steps.setdefault(row.notice_id, []).append(HistoryStep(row.at, before, State(row.after), row.why, row.by))
    tries = {row.notice_id: int(row.tries) for row in tx.execute(text(_TRIES), values)}
    stopped = switches.holders(tx, values["ids"])
    return [_facts(row, steps.get(row.id, ()), tries.get(row.id, 0), stopped.get(row.id, ())) for row in rows]


def _facts(row: Any, steps: Sequence[HistoryStep], tries: int, stopped: Sequence[Switch]) -> NoticeFacts:
    told = None if row.follows is None else FollowFacts(row.follows, row.follow_at, row.notices_off, row.switched_at)
    return NoticeFacts(
        row.id, row.event_key, row.kind, State(row.state), row.reason, row.channel, row.code, row.due_at, row.fresh_at,
        row.recorded_at, row.event_at, row.text, row.phone_seen,
        bytes(row.phone_sealed) if row.phone_sealed else None, told, steps, tries, stopped,
    )  # fmt: skip


_ODD = """
SELECT code, source_row AS row, field AS column, why, since, times, last_seen_at AS last_seen FROM oddities
WHERE oa = :oa AND code = :code ORDER BY since, source_row, field LIMIT :most
"""


def odd_values(tx: Connection, oa: str, code: str) -> list[dict[str, Any]]:
    """The values of a dossier that could not be read, in the shape of `hcc source oddities --json`."""
    return [dict(row) for row in tx.execute(text(_ODD), {"oa": oa, "code": code, "most": MOST}).mappings()]


def first_read(tx: Connection, oa: str) -> datetime | None:
    """When the source was read first (UTC); None if that is not known."""
    query = text("SELECT coalesce(started_at, noted_at) FROM sources WHERE oa = :oa")
    moment: datetime | None = tx.execute(query, {"oa": oa}).scalar_one_or_none()
    return moment


_KNOWN = """
SELECT code FROM notices WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))
UNION SELECT code FROM notices_past WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))
UNION SELECT code FROM oddities WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))
UNION SELECT code FROM sightings WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))
"""


def known(tx: Connection, oa: str, codes: Iterable[str]) -> set[str]:
    """Those of the codes that the ledger has seen in any way."""
    return set(tx.execute(text(_KNOWN), {"oa": oa, "codes": list(codes)}).scalars())


_ABOVE = "SELECT code FROM {table} WHERE oa = :oa AND code > :code ORDER BY code LIMIT :most"
_BELOW = "SELECT code FROM {table} WHERE oa = :oa AND code < :code ORDER BY code DESC LIMIT :most"
_BESIDE = text(" UNION ".join(
    f"({query.format(table=table)})" for table in ("notices", "notices_past", "sightings") for query in (_ABOVE, _BELOW)
))  # fmt: skip


def beside(tx: Connection, oa: str, code: str, *, most: int) -> set[str]:
    """The known codes next to this one in the ledger's order, a few on each side."""
    return set(tx.execute(_BESIDE, {"oa": oa, "code": code, "most": most}).scalars())
