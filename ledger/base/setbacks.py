"""Setbacks: times at which this ledger lost commits, because a standby took over or a backup was restored.

Data of the source is found again. Data that only the ledger had is lost: Zalo's events (follows, withdrawals), and
operators' deeds. So each setback is kept with its window, for people to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from domain.lifecycle import LIVE

NOTICED, RESTORED = "noticed", "restored"
WORKER, PRODUCER = "hcc worker", "hcc producer"
"""The application names of the programs that send or record."""

_PAGE = 5000  # notices a transaction
_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))


@dataclass(frozen=True, slots=True)
class Position:
    """How far the ledger is: its cluster, its timeline (a new one after each promotion), bytes of its log."""

    system: str
    timeline: int
    byte: int

    def lost_since(self, before: Position) -> str | None:
        """Why commits may be lost between `before` and this position; None where it only moved on."""
        if self.system != before.system:
            return "it is another server's data: a backup was restored, or the address leads elsewhere"
        if self.byte < before.byte:
            return "it is behind where it was: a backup was restored, or a standby took over that lacked commits"
        if self.timeline != before.timeline:
            return "a standby took over: it may have lacked the last commits"
        return None


_POSITION = """
SELECT (SELECT system_identifier FROM pg_control_system())::text AS system,
       ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int AS timeline,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS byte, clock_timestamp() AS at
WHERE NOT pg_is_in_recovery()
"""


def position(tx: Connection) -> tuple[Position, datetime] | None:
    """The ledger's position, and the time by its clock (UTC); None on a standby, which has no position of its own."""
    row = tx.execute(text(_POSITION)).one_or_none()
    return None if row is None else (Position(row.system, row.timeline, row.byte), row.at)


@dataclass(frozen=True, slots=True)
class Setback:
    """Commits between `since` and `until` (UTC) may be lost. `sort`: noticed by the ledger itself, or restored."""

    sort: str
    since: datetime
    until: datetime
    by: str
    why: str


def note(tx: Connection, setback: Setback) -> None:
    """Record a setback."""
    tx.execute(
        text("INSERT INTO setbacks (sort, since, until, by, why) VALUES (:sort, :since, :until, :by, :why)"),
        {
            "sort": setback.sort, "since": setback.since, "until": setback.until, "by": setback.by,
            "why": setback.why,
        },
    )  # fmt: skip


def recent(tx: Connection, age: timedelta) -> list[Setback]:
    """The setbacks of at most this age, the newest first."""
    query = text("SELECT * FROM setbacks WHERE until > clock_timestamp() - :age ORDER BY id DESC")
    return [Setback(row.sort, row.since, row.until, row.by, row.why) for row in tx.execute(query, {"age": age})]


_UNSYNCED = """
SELECT w.oa FROM unnest(CAST(:oas AS text[])) AS w (oa)
WHERE EXISTS (SELECT FROM setbacks s WHERE s.until > clock_timestamp() - :age AND NOT s.synced @> ARRAY[w.oa])
"""


def to_sync(tx: Connection, oas: Sequence[str], age: timedelta) -> list[str]:
    """The OAs whose followers have not been synced with Zalo since a setback of at most this age."""
    return list(tx.execute(text(_UNSYNCED), {"oas": list(oas), "age": age}).scalars())


def synced(tx: Connection, oa: str, began: datetime) -> None:
    """Note that a sync of the followers that began at `began` has ended."""
    query = text("""
        UPDATE setbacks SET synced = array_append(synced, :oa) WHERE until <= :began AND NOT synced @> ARRAY[:oa]""")
    tx.execute(query, {"oa": oa, "began": began})


_WORKERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY(:programs) AND pid <> pg_backend_pid()
"""


def workers(tx: Connection) -> int:
    """How many connections workers and producers have to this ledger, as far as we may see them."""
    return int(tx.execute(text(_WORKERS), {"programs": [WORKER, PRODUCER]}).scalar_one())


_NEWEST = "SELECT max(at) FROM history WHERE at <= clock_timestamp()"

_DOUBT = f"""
WITH page AS (SELECT id FROM notices WHERE id > :last AND state IN ({_LIVE}) ORDER BY id LIMIT :page),
doubted AS (
    UPDATE notices n SET maybe_since = least(n.maybe_since, :since) FROM page WHERE n.id = page.id RETURNING n.id
)
SELECT max(id) AS last, count(*) AS number FROM doubted
"""


def newest_move(tx: Connection) -> datetime | None:
    """The time of the newest recorded move in this ledger: a backup cannot be older."""
    moment: datetime | None = tx.execute(text(_NEWEST)).scalar_one()
    return moment


def doubt_what_is_live(ledger: Engine, since: datetime) -> Iterator[int]:
    """Mark every live notice as possibly sent since then; yields how many, page by page.

    Such a notice is never sent as it is: when its turn comes, Zalo is asked about it, or it is kept for an operator.
    """
    last: Any = 0
    while last is not None:
        with ledger.begin() as tx:
            values = {"last": last, "page": _PAGE, "since": since}
            row = tx.execute(text(_DOUBT), values).one()
        last = row.last
        if row.number:
            yield int(row.number)
