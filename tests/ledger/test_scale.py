"""Two hundred thousand finished notices cost the work on the live ones nothing: it never reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, text

from domain.event import Retraction
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Attempt, Letter, Notice
from domain.outcome import Sent
from domain.retry import Decision
from ledger.archive import archive
from ledger.notices import claims, due_accounts, eligibility, notices, retractions, sweep_queries, uncertain, verbs
from ledger.people import follows
from ledger.reports import reports
from ledger.reports.reports import LIVE_STATES
from ledger.source import cursors
from ledger.zalo import receipts
from ledger.zalo.receipts import Receipt
from sandbox.servers import Servers
from tests.ledger.conftest import BOUNDS, OA, new
from tests.ledger.reads import counting, read_within

FINISHED = 200_000
LIVE = 100  # notices that the work below is about
NOTICES = "^notices"  # at hand or past
A_ROW_OR_TWO = 40  # rows that a statement may read for each of these notices, whichever way it is carried out

_FINISHED = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, person_id, state, event_at, fresh_at, recorded_at, due_at,
                     attempts, channel, message_id, text)
SELECT :oa, 'OLD-' || i || '/accepted/1', 'OLD-' || i, 'accepted', 1, '{}', p.id, 'seen',
       at, at, at, at, 1, 'zalo_cs', 'old-' || i, 'words'
FROM generate_series(1, :number) AS i
CROSS JOIN LATERAL (SELECT now() - interval '80 days' * (CAST(:number - i AS float8) / :number) AS at) AS t
CROSS JOIN LATERAL (SELECT min(id) + i % 1000 AS id FROM people) AS p
"""


@pytest.fixture(scope="module")
def filled(servers: Servers, migrated: str) -> Iterator[Engine]:
    """A ledger of which almost all is finished."""
    servers.create_database("filled", template=migrated)
    engine = counting(servers.database_url("filled"))
    with engine.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
                SELECT :oa, convert_to(i::text, 'UTF8'), 's', now() FROM generate_series(1, 1000) AS i"""),
            {"oa": OA},
        )
        tx.execute(text(_FINISHED), {"oa": OA, "number": FINISHED})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE notices"))
    yield engine
    engine.dispose()
    servers.drop_database("filled")


def recorded(tx: Connection) -> None:
    events = [new(f"H-{number}", minutes=number) for number in range(LIVE)]
    keys = [event.event_key for event in events]
    assert cursors.untold(tx, OA, keys) == set(keys)
    assert notices.record(tx, OA, events) == set(keys)


def claimed(tx: Connection, lane: Lane = Lane.SERVICE) -> list[Notice]:
    assert eligibility.first_lane(tx, OA, BOUNDS) in (Lane.SERVICE, lane)  # a backlog may all be late by now
    found = claims.lock_due(tx, OA, lane, "e.l", LIVE, bounds=BOUNDS)
    claims.lease_out(tx, [Letter(notice, "words") for notice in found], seconds=60, by="test")
    assert len(found) == LIVE
    assert claims.unwanted(tx, found) == {}
    return found


def settled(tx: Connection, found: list[Notice]) -> None:
    at = datetime.now(UTC)
    done = [
        (
            Attempt(notice, "zalo_cs", at, Sent(f"m{notice.id}"), 52),
            Decision(State.SENT, True, message_id=f"m{notice.id}"),
        )
        for notice in found
    ]
    assert len(claims.complete(tx, done, by="test")) == LIVE


def borne(tx: Connection, found: list[Notice]) -> None:
    receipts.keep(tx, OA, [Receipt(receipts.RECEIVED, f"m{notice.id}", datetime.now(UTC)) for notice in found])
    assert receipts.apply(tx, OA) == LIVE


def swept(tx: Connection) -> None:
    """All that rings every few seconds and mostly finds nothing."""
    sweep_queries.expired_leases(tx, OA, limit=1000)
    notices.promote(tx, OA, None, by="test", limit=1000)
    sweep_queries.expire(tx, OA, now=datetime.now(UTC), hours=72, by="test", limit=1000)
    sweep_queries.close_unreachable(tx, OA, now=datetime.now(UTC), days=14, by="test", limit=1000)
    sweep_queries.close_doubts(tx, OA, now=datetime.now(UTC), hours=72, by="test", limit=1000)
    due_accounts.to_sweep(tx, {OA: due_accounts.AgeLimits(72, 14)})
    uncertain.to_look_up(tx, OA, limit=100)
    assert sum(reports.live_counts(tx, OA).values()) == 0
    assert verbs.count(tx, OA, State.DEAD, verbs.Choice()) == 0
    follows.suppress(tx, [1], why="gone")
    retractions.retract(tx, OA, [Retraction("H-1", "H-1/accepted/1", "paid")], by="test")


@pytest.mark.parametrize("statistics", ["fresh", "of an empty ledger"])
def test_live_work_reads_live_rows_only(filled: Engine, servers: Servers, statistics: str) -> None:
    """Recorded, claimed, settled, swept, counted: also where the planner knows nothing of what is in the tables."""
    if statistics != "fresh":
        with servers.postgres.connected("filled") as connection:
            connection.execute(text("DELETE FROM pg_statistic WHERE starelid = 'notices'::regclass"))
    try:
        with read_within(filled, NOTICES) as reads:
            with filled.begin() as tx:
                recorded(tx)
            with filled.begin() as tx:
                found = claimed(tx)
            with filled.begin() as tx:
                settled(tx, found)
            with filled.begin() as tx:
                borne(tx, found)
        assert 0 < sum(reads) < A_ROW_OR_TWO * LIVE, reads
        with read_within(filled, NOTICES) as reads:
            for _ in range(3):
                with filled.begin() as tx:
                    swept(tx)
                with filled.begin() as tx:
                    assert list(sweep_queries.retries(tx, OA)) == []
        assert 0 < sum(reads) < A_ROW_OR_TWO * LIVE, reads
    finally:
        with filled.begin() as tx:
            tx.execute(text("DELETE FROM notices WHERE code LIKE 'H-%'"))


_BACKLOG = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, state, event_at, fresh_at, recorded_at, due_at)
SELECT :oa, 'H-' || i || '/' || kind || '/1', 'H-' || i, kind, rank, '{}', state, now() + rank * interval '1 s',
       now(), now(), now() - i * interval '1 s'
FROM generate_series(1, :number) AS i,
     (VALUES ('accepted', 1, 'due'), ('result_ready', 2, 'waiting')) AS k (kind, rank, state)
"""


def test_a_batch_reads_its_own_rows_whatever_else_is_live(filled: Engine) -> None:
    """A flood that came within minutes: by the statistics hardly anything is due, and nothing waits."""
    with filled.begin() as tx:
        tx.execute(text("ALTER TABLE notices SET (autovacuum_enabled = false)"))
        tx.execute(text(_BACKLOG), {"oa": OA, "number": 100 * LIVE})
    try:
        with read_within(filled, NOTICES) as reads:
            with filled.begin() as tx:
                found = claimed(tx, Lane.BULK)  # most of it is late
            with filled.begin() as tx:
                settled(tx, found)
        assert 0 < sum(reads) < A_ROW_OR_TWO * LIVE, reads
        with filled.connect() as connection:
            assert reports.live_counts(connection, OA) | {"due": 0, "waiting": 0} == dict.fromkeys(LIVE_STATES, 0)
            assert reports.live_counts(connection, OA)["due"] == 100 * LIVE  # as many as went have been let go
    finally:
        with filled.begin() as tx:
            tx.execute(text("DELETE FROM notices WHERE code LIKE 'H-%'"))


_MAY_GO = f"""
EXPLAIN SELECT n.id
FROM (SELECT CAST(:oa AS text), CAST(:max_age AS float8), CAST(1 AS smallint), CAST(0 AS float8), CAST(5 AS float8))
     AS w (oa, max_age, lane, youngest, oldest)
CROSS JOIN notices n WHERE {eligibility.MAY_GO} ORDER BY n.due_at LIMIT {LIVE}
"""


def test_a_claim_is_led_by_what_is_due_and_never_by_age(filled: Engine) -> None:
    """By age, with five million finished notices, all that is due was read and sorted for each claim: 69 ms, not 2.

    Which of two indexes is taken depends on statistics; so the age must not lead into one even where no better is left.
    """
    with filled.connect() as connection:
        assert "due_at" in index_conditions(connection)
        connection.execute(text("DROP INDEX notices_due_by_lane, notices_blocking, notices_listed"))
        assert "fresh_at" not in index_conditions(connection)
        connection.rollback()


def index_conditions(connection: Connection) -> str:
    """What leads into an index when a claim looks for its notices."""
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = connection.execute(text(_MAY_GO), {"oa": OA, **BOUNDS.values}).scalars()
    conditions = [line for line in plan if "Index Cond" in line]
    assert conditions
    return " ".join(conditions)


def test_housekeeping_that_finds_nothing_reads_a_page(filled: Engine) -> None:
    """The oldest notices say that nothing is old enough: what comes after them is not looked at."""
    with read_within(filled, NOTICES) as reads:
        archive.keep_house(filled, now=datetime.now(UTC), keep_months=24, by="test", seconds=10.0)
    assert 0 < sum(reads) < 10_000, reads
