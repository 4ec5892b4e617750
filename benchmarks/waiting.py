"""Fills a ledger as the console meets it: finished notices, those that wait for somebody, and what is around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from benchmarks.filling import admit, finish
from benchmarks.world import OA, tell
from coordination.schedule import Retry
from domain.units import ListedUnit
from ledger.archive import partitions
from ledger.base import units
from ledger.base.audit import audit_all
from ledger.notices import switches, verbs
from ledger.notices.verbs import Choice
from producers.dossiers.queries import FEEDS
from worker.services.bootstrap import Services

UNITS = 90
CLERKS_UNIT = "H27.37"
RARE = "the text is invalid"
"""A reason that few of the dead notices have."""

BY, WHY = "bench", "benchmark"
_PAGE = 10_000
_DEEDS = 10_000  # rows of the audit
_SCHEDULED = 20_000
_FINISHED_DAYS = 45  # more than `finish` spreads a million over

_REASONS: Mapping[str, Sequence[str]] = {
    "unreachable": ("no Zalo user of this OA is linked to the phone", "the person unfollowed the OA", "opted out"),
    "due": ("Zalo is busy",),
    "dead": (*["not a valid request"] * 99, RARE),
    "uncertain": ("no whole answer in time",),
    "quarantined": ("older than 30 days when it was first seen",),
    "expired": ("older than 3 days",),
}


@dataclass(frozen=True, slots=True)
class ConsoleFill:
    """How many notices of each sort."""

    finished: int = 1_000_000
    unreachable: int = 100_000
    due: int = 100_000
    dead: int = 10_000
    uncertain: int = 200
    quarantined: int = 2_000
    expired: int = 2_000

    @property
    def waiting(self) -> Mapping[str, int]:
        """State → number, of what is not finished."""
        return {state: getattr(self, state) for state in _REASONS}


def fill_console(services: Services, wanted: ConsoleFill) -> None:
    """Fill a ledger; a fill that was interrupted goes on."""
    ledger = services.ledger
    people = admit(services)
    with ledger.begin() as tx:
        months = {partitions.month_of(datetime.now(UTC) - timedelta(days=days)) for days in range(_FINISHED_DAYS)}
        for table in ("attempts", "history"):
            partitions.make(tx, table, sorted(months))
        units.change(tx, OA, [_unit(number) for number in range(UNITS)], whole=True)
    finish(ledger, _count(ledger, "sent"), wanted.finished)
    for state, number in wanted.waiting.items():
        tell(f"{number:,} notices {state}")
        _wait(ledger, state, number, sorted(people.values()))
    with ledger.begin() as tx:
        _surround(tx)
    with ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def is_filled(ledger: Engine) -> bool:
    """Whether `fill_console` came to its end in this ledger: the act is written last."""
    with ledger.connect() as connection:
        return connection.execute(text("SELECT FROM acts")).first() is not None


def schedule(services: Services) -> None:
    """Put due notices of the future into Redis, as the sweep does."""
    query = text("""
        SELECT id, due_at, fresh_at, event_key, kind, reason, code_received, attempts FROM notices
        WHERE oa = :oa AND state = 'due' AND due_at > now() ORDER BY lane, due_at LIMIT :most""")
    with services.ledger.connect() as connection:
        rows = connection.execute(query, {"oa": OA, "most": _SCHEDULED}).all()
    services.schedule.replace(OA, [Retry(*row) for row in rows])


def _unit(number: int) -> ListedUnit:
    code = f"H27.{number + 1}"
    return ListedUnit(code, f"Đơn vị {code}", None, None, None, None)


_WAIT = """
WITH made AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, unit, facts, person_id, state, reason, code_received,
                         attempts, channel, event_at, fresh_at, recorded_at, due_at)
    SELECT :oa, code || '/' || kind || '/1', code, kind, 1, unit, '{}',
           :person + n % CAST(:people AS int), :state,
           (CAST(:reasons AS text[]))[1 + n % cardinality(CAST(:reasons AS text[]))], -201, 3, 'zalo_cs',
           at, at, at, now() + (n % 2 * 2 - 1) * (n % 86400) * interval '1 second'
    FROM (SELECT n, unit, unit || '-240301-' || CAST(:tag AS text) || lpad(n::text, 6, '0') AS code,
                 (CAST('{accepted,fee_requested,result_ready}' AS text[]))[1 + n % 3] AS kind,
                 now() - (n % 86400) * interval '1 second' AS at
          FROM (SELECT n, 'H27.' || 1 + n % CAST(:units AS int) AS unit
                FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n) AS numbers) AS rows
    RETURNING id, recorded_at, state
),
attempted AS (
    INSERT INTO attempts (notice_id, at, channel, outcome, code, ms)
    SELECT id, recorded_at, 'zalo_cs', 'refused', -201, 50 FROM made
)
INSERT INTO history (notice_id, at, before, after, by)
SELECT id, recorded_at, 'sending', state, 'worker' FROM made
"""


def _wait(ledger: Engine, state: str, number: int, people: Sequence[int]) -> None:
    """Insert what is missing, in transactions within the patience of the ledger's engine."""
    values = {
        "oa": OA, "state": state, "units": UNITS, "person": min(people), "people": len(people),
        "reasons": list(_REASONS[state]), "tag": str(list(_REASONS).index(state)),
    }  # fmt: skip
    for first in range(_count(ledger, state) + 1, number + 1, _PAGE):
        with ledger.begin() as tx:
            tx.execute(text("SET LOCAL synchronous_commit = off"))
            tx.execute(text(_WAIT), {**values, "first": first, "last": min(first + _PAGE - 1, number)})


def _count(ledger: Engine, state: str) -> int:
    with ledger.connect() as connection:
        query = text("SELECT count(*) FROM notices WHERE state = :state")
        return int(connection.execute(query, {"state": state}).scalar_one())


def _surround(tx: Connection) -> None:
    """Cursors, an audit, a switch, and an act on every dead notice that nobody carries on."""
    position = json.dumps({})
    for feed in FEEDS:
        values = {"oa": OA, "feed": feed, "position": position}
        tx.execute(
            text("""
                INSERT INTO cursors (oa, feed, position, version, polled_at)
                VALUES (:oa, :feed, CAST(:position AS jsonb), 1, now())"""),
            values,
        )
    audit_all(tx, OA, [("switch off", f"unit H27.{number % UNITS}", WHY) for number in range(_DEEDS)], by=BY)
    switches.switch_off(tx, OA, "unit", CLERKS_UNIT, until=None, by=BY, why=WHY)
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    verbs.begin(tx, OA, verbs.RETRY, Choice(), by=BY, why=WHY)
