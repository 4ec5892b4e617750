"""Incidents 1, 2, 9, 10, 11 and 15: processes and servers die at work, come back, or are changed under it."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.migrate import missing
from tests.chaos.blows import (
    Struck,
    flush_at_work,
    kill_all_at_work,
    kill_one_at_work,
    kill_server_at_work,
)
from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import BLOWS, SHORT, TEST_SECONDS, whole_only
from tests.chaos.verdict import all_told, promised
from tests.chaos.world import LONG_TIMEOUTS, SEND, WORKERS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_DOUBTED_OF = """
SELECT count(DISTINCT notice_id) FROM history
WHERE after = 'uncertain' AND by = 'sweep' AND notice_id = ANY(:ids)
"""
_LATENCY = 400  # milliseconds that Zalo takes: long enough to find requests on the wire
_JUST_LEAVING = 4  # calls that a blow may catch between their mark and their first byte


@whole_only
def test_01_workers_are_killed_at_full_speed_and_nobody_hears_twice(begin: Begin) -> None:
    """Incident 1: kill -9 of a whole worker between acceptance and commit, again and again."""
    run = begin(latency_ms=_LATENCY)
    struck = [kill_one_at_work(run) for _ in run.portions(BLOWS)]
    promised(run.verdict())
    only_what_was_on_the_wire_was_doubted(run, struck)


def test_01_all_workers_are_killed_at_once_and_nobody_hears_twice(begin: Begin) -> None:
    """Incident 1, as at a power cut: every worker and beat end in one moment."""
    run = begin(latency_ms=_LATENCY)
    struck = [kill_all_at_work(run) for _ in run.portions(1 if SHORT else BLOWS)]
    promised(run.verdict())
    only_what_was_on_the_wire_was_doubted(run, struck)


def only_what_was_on_the_wire_was_doubted(run: Run, blows: list[Struck]) -> None:
    """No more notices of the dead became uncertain than requests whose answers never came into the ledger."""
    doubted = [run.scalar(_DOUBTED_OF, ids=sorted(struck.leased)) for struck in blows]
    for struck, number in zip(blows, doubted, strict=True):
        print(f"killed: leased={len(struck.leased)} on_wire={struck.on_wire} doubted={number}")
    unanswered = run.zalo.stats()["requests"][SEND] - run.scalar("SELECT count(*) FROM attempts")
    assert 0 < sum(doubted) <= unanswered + len(blows) * _JUST_LEAVING


def test_02_what_was_recorded_and_never_rung_is_picked_up_within_seconds(begin: Begin) -> None:
    """Incident 2: the process that polls is lost after its commit and before the bell; beat comes back later."""
    run = begin(processes=WORKERS, changes=LONG_TIMEOUTS)
    run.load.feed(run.dossier_count)
    assert run.hcc("poll", "--once", HCC_REDIS_URL="redis://127.0.0.1:1/0").returncode == 0
    assert run.scalar("SELECT count(*) FROM notices WHERE state = 'due'") == run.dossier_count
    assert run.zalo.stats()["accepted"] == 0
    run.start("beat")
    run.until(lambda: "is starting" in (run.logs / "beat.log").read_text(), "beat to be there", 60.0)
    run.last_blow = time.monotonic()
    run.until(lambda: run.zalo.stats()["accepted"] > 0, "the first of them to be told", 20.0)
    all_told(run.verdict())


def test_02_15_redis_is_flushed_in_the_middle_and_nothing_is_forgotten(begin: Begin) -> None:
    """Incidents 2 and 15: queues, marks and limits vanish under a running batch, several times."""
    run = begin(latency_ms=_LATENCY)
    for _ in run.portions(BLOWS):
        flush_at_work(run)
    promised(run.verdict())


def test_09_redis_is_killed_and_comes_back(begin: Begin) -> None:
    """Incident 9: kill -9 of Redis under load; the workers find their way back by themselves."""
    run = begin(latency_ms=_LATENCY)
    for _ in run.portions(BLOWS):
        kill_server_at_work(run, run.servers.valkey, signal.SIGKILL)
    promised(run.verdict())


def test_postgresql_is_killed_and_comes_back(begin: Begin) -> None:
    """The ledger and the dossier database end at once (SIGQUIT) under load and recover."""
    run = begin(latency_ms=_LATENCY)
    for _ in run.portions(1 if SHORT else BLOWS):
        kill_server_at_work(run, run.servers.postgres, signal.SIGQUIT)
    promised(run.verdict())


def test_10_workers_of_the_previous_version_go_on_while_the_ledger_expands(begin: Begin) -> None:
    """Incident 10: `hcc migrate` twice at once under load, then the expand step of a version to come."""
    run = begin(changes=LONG_TIMEOUTS)
    for _ in run.portions(1):
        with ThreadPoolExecutor(2) as threads:
            twice = list(threads.map(run.hcc, ["migrate"] * 2))
        assert [command.returncode for command in twice] == [0, 0], [command.stderr for command in twice]
        run.change("ALTER TABLE notices ADD COLUMN of_the_next_version text NOT NULL DEFAULT 'new'")
        run.change("ALTER TABLE history ADD COLUMN of_the_next_version bigint")
        run.change("CREATE INDEX of_the_next_version ON notices (of_the_next_version)")
        run.change("UPDATE alembic_version SET version_num = 'of_the_next_version'")
    assert missing(run.services.ledger) == []  # newer than the code is fine: this is what readiness asks
    all_told(run.verdict())
    assert run.scalar("SELECT count(*) FROM notices WHERE of_the_next_version = 'new'") == run.notices


def test_11_beat_is_away_for_a_while_and_then_there_are_two(begin: Begin) -> None:
    """Incident 11: what beat missed is caught up once, and two beats tell nothing twice."""
    run = begin(changes=LONG_TIMEOUTS)
    for portion in run.portions(2):
        if portion == 0:
            run.kill("beat")
            time.sleep(3.0 if SHORT else 30.0)
            run.start("beat")
        else:
            run.start("beat2")
    all_told(run.verdict())


def test_29_workers_are_stopped_in_order_while_zalo_takes_its_time(begin: Begin) -> None:
    """Each answer takes far longer than usual, and all workers are told to end: they wait, and nothing is in doubt."""
    slowness, patience = (8, 12) if SHORT else (16, 20)
    run = begin(changes={"HCC_HTTP_TIMEOUT_SECONDS": str(patience), "HCC_LEASE_SECONDS": "60"})
    for _ in run.portions(1):
        run.zalo.fault("delay", ms=slowness * 1000, path=SEND, when="after")
        run.until(lambda: run.zalo.stats()["in_flight"] > 0, "calls that Zalo holds", 30.0)
        for name in WORKERS:
            run.stop(name)
        assert run.zalo.stats()["in_flight"] == 0, "a worker ended before its answers"
        run.zalo.clear_faults()
        for name in WORKERS:
            run.start(name)
    verdict = run.verdict()
    all_told(verdict)
    assert verdict.doubted == 0, str(verdict)
