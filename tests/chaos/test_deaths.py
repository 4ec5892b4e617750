"""Incidents 1, 2, 9, 10, 11 and 15: processes and servers die at work, come back, or are changed under it."""

from __future__ import annotations

import signal
import time

import pytest

from tests.chaos.blows import Struck, flush_at_work, kill_at_work, kill_server_at_work
from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import BLOWS, SHORT, TEST_SECONDS
from tests.chaos.verdict import all_told, promised
from tests.chaos.world import WORKERS
from worker.ledger.migrate import missing

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_DOUBTED_OF = """
SELECT count(DISTINCT notice_id) FROM history
WHERE after = 'uncertain' AND by = 'sweep' AND notice_id = ANY(:ids)
"""
_JUST_LEAVING = 4  # calls that a blow may catch between their mark and their first byte


def test_01_workers_are_killed_at_full_speed_and_nobody_hears_twice(run: Run) -> None:
    """Incident 1: kill -9 of a whole worker between acceptance and commit, again and again, each time another one."""
    struck = []
    for blow in run.portions(BLOWS):
        name = WORKERS[blow % len(WORKERS)]
        struck.append(kill_at_work(run, name))
        run.start(name)
    promised(run.verdict())
    only_what_was_on_the_wire_was_doubted(run, struck)


def test_01_all_workers_are_killed_at_once_and_nobody_hears_twice(run: Run) -> None:
    """Incident 1, as at a power cut: every worker and beat end in one moment."""
    names, struck = (*WORKERS, "beat"), []
    for _ in run.portions(1 if SHORT else BLOWS):
        struck.append(kill_at_work(run, *names))
        for name in names:
            run.start(name)
    promised(run.verdict())
    only_what_was_on_the_wire_was_doubted(run, struck)


def only_what_was_on_the_wire_was_doubted(run: Run, blows: list[Struck]) -> None:
    """Of a dead worker's notices no more became uncertain than had requests whose answers were not in the ledger."""
    for struck in blows:
        doubted = run.scalar(_DOUBTED_OF, ids=sorted(struck.leased))
        print(f"killed: leased={len(struck.leased)} on_wire={struck.on_wire} unrecorded={struck.unrecorded} {doubted=}")
        assert 0 < doubted <= struck.unrecorded + _JUST_LEAVING


def test_02_what_was_recorded_and_never_rung_is_picked_up_within_seconds(begin: Begin) -> None:
    """Incident 2: the process that polls is lost after its commit and before the bell; beat comes back later."""
    run = begin(processes=WORKERS)
    run.load.feed(run.dossier_count)
    assert run.hcc("poll", "--once", HCC_REDIS_URL="redis://127.0.0.1:1/0").returncode == 0
    assert run.scalar("SELECT count(*) FROM notices WHERE state = 'due'") == run.dossier_count
    assert run.zalo.stats()["accepted"] == 0
    run.start("beat")
    run.last_blow = time.monotonic()
    run.until(lambda: run.zalo.stats()["accepted"] > 0, "the first of them to be told", 10.0)
    all_told(run.verdict())


def test_02_15_redis_is_flushed_in_the_middle_and_nothing_is_forgotten(run: Run) -> None:
    """Incidents 2 and 15: queues, marks and limits vanish under a running batch, several times."""
    for _ in run.portions(BLOWS):
        flush_at_work(run)
    promised(run.verdict())


def test_09_redis_is_killed_and_comes_back(run: Run) -> None:
    """Incident 9: kill -9 of Redis under load; the workers find their way back by themselves."""
    for _ in run.portions(BLOWS):
        kill_server_at_work(run, run.servers.valkey, signal.SIGKILL)
    promised(run.verdict())


def test_postgresql_is_killed_and_comes_back(run: Run) -> None:
    """The ledger and the dossier database end at once (SIGQUIT) under load and recover."""
    for _ in run.portions(1 if SHORT else BLOWS):
        kill_server_at_work(run, run.servers.postgres, signal.SIGQUIT)
    promised(run.verdict())


def test_10_workers_of_the_previous_version_go_on_while_the_ledger_expands(run: Run) -> None:
    """Incident 10: `hcc migrate` twice at once under load, then the expand step of a version to come."""
    for _ in run.portions(1):
        again = [run.hcc("migrate") for _ in range(2)]
        assert [command.returncode for command in again] == [0, 0], [command.stderr for command in again]
        run.change("ALTER TABLE notices ADD COLUMN of_the_next_version text NOT NULL DEFAULT 'new'")
        run.change("ALTER TABLE history ADD COLUMN of_the_next_version bigint")
        run.change("CREATE INDEX of_the_next_version ON notices (of_the_next_version)")
        run.change("UPDATE alembic_version SET version_num = 'of_the_next_version'")
    assert missing(run.services.ledger) == []  # newer than the code is fine: this is what readiness asks
    all_told(run.verdict())
    assert run.scalar("SELECT count(*) FROM notices WHERE of_the_next_version = 'new'") == run.notices


def test_11_beat_is_away_for_a_while_and_then_there_are_two(run: Run) -> None:
    """Incident 11: what beat missed is caught up once, and two beats tell nothing twice."""
    for portion in run.portions(2):
        if portion == 0:
            run.kill("beat")
            time.sleep(3.0 if SHORT else 30.0)
            run.start("beat")
        else:
            run.start("beat2")
    all_told(run.verdict())
