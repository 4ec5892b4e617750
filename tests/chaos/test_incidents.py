"""The incidents of others, played with real processes: nothing is lost, nothing is sent twice, and order holds."""

from __future__ import annotations

import signal
import time

import pytest

from tests.chaos.run import ALL_SETTLED, NOTICES, SHORT, WORKERS, Run, Verdict

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120 + NOTICES / 2)]

SEND = "/v3.0/oa/message/cs"
BLOWS = 2 if SHORT else 5


def promised(verdict: Verdict) -> None:
    """The promise, in figures."""
    assert (verdict.lost, verdict.sent_twice, verdict.out_of_order) == (0, 0, 0), str(verdict)
    assert verdict.accepted + verdict.uncertain + verdict.held >= verdict.notices, str(verdict)
    if ALL_SETTLED and not SHORT:
        assert (verdict.uncertain, verdict.held, verdict.accepted) == (0, 0, verdict.notices), str(verdict)


def all_told(verdict: Verdict) -> None:
    """The promise where nothing could be in doubt: every notice was accepted."""
    promised(verdict)
    assert (verdict.accepted, verdict.uncertain, verdict.held) == (verdict.notices, 0, 0), str(verdict)


def test_01_workers_are_killed_at_full_speed_and_nobody_hears_twice(run: Run) -> None:
    """Incident 1: kill -9 of a whole worker between acceptance and commit, again and again, each time another one."""
    for blow in run.blows(BLOWS):
        name = WORKERS[blow % len(WORKERS)]
        run.kill(name)
        run.start(name)
    promised(run.verdict())


def test_01_all_workers_are_killed_at_once_and_nobody_hears_twice(run: Run) -> None:
    """Incident 1, as at a power cut: every worker and beat end in one moment."""
    for _ in run.blows(1 if SHORT else BLOWS):
        for name in (*WORKERS, "beat"):
            run.kill(name)
        for name in (*WORKERS, "beat"):
            run.start(name)
    promised(run.verdict())


def test_02_15_redis_is_flushed_in_the_middle_and_nothing_is_forgotten(run: Run) -> None:
    """Incidents 2 and 15: queues, marks and limits vanish under a running batch, several times."""
    for _ in run.blows(BLOWS):
        run.flush()
    promised(run.verdict())


def test_09_redis_is_killed_and_comes_back(run: Run) -> None:
    """Incident 9: kill -9 of Redis under load; the workers find their way back by themselves."""
    for _ in run.blows(BLOWS):
        run.kill_server(run.servers.valkey, signal.SIGKILL)
    promised(run.verdict())


def test_postgresql_is_killed_and_comes_back(run: Run) -> None:
    """The ledger and the dossier database end at once (SIGQUIT) under load and recover."""
    for _ in run.blows(BLOWS):
        run.kill_server(run.servers.postgres, signal.SIGQUIT)
    promised(run.verdict())


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "http_500", "truncated_json", "empty"])
def test_19_a_fraction_of_zalos_answers_is_broken(run: Run, kind: str) -> None:
    """Incident 19: with real workers against a Zalo that breaks answers, before or after it accepted."""
    fault = run.zalo.fault(kind, probability=0.15, path=SEND, seed=run.dice.randrange(2**31))
    for _ in run.blows(1):
        pass
    run.until(lambda: run.zalo.faults()[0]["hits"] >= 5, f"fault {fault['id']} to strike", 30.0)
    run.zalo.clear_faults()
    promised(run.verdict())


def test_05_zalo_is_down_for_a_while_and_no_notice_dies(run: Run) -> None:
    """Incident 5: connections refused under load; afterwards everything goes out, in order."""
    for _ in run.blows(BLOWS):
        run.zalo.down()
        time.sleep(3.0)
        run.zalo.up()
    promised(run.verdict())


def test_06_zalo_answers_in_two_seconds_and_all_is_told(run: Run) -> None:
    """Incident 6: answers at the edge of our patience; some arrive in time, the others are looked up."""
    run.zalo.fault("delay", ms=1900, probability=0.2, path=SEND, seed=run.dice.randrange(2**31))
    run.zalo.fault("delay", ms=2300, probability=0.05, path=SEND, when="after", seed=run.dice.randrange(2**31))
    for _ in run.blows(1):
        time.sleep(3.0)
        run.zalo.clear_faults()
    promised(run.verdict())


def test_18_tokens_expire_in_the_middle_and_are_refreshed_once(run: Run) -> None:
    """Incident 18: all processes meet the refused token at once; one of them refreshes it."""
    for _ in run.blows(1):
        run.zalo.expire_tokens()
    all_told(run.verdict())
    assert run.zalo.stats()["refreshes"] == 1


def test_11_beat_is_away_for_a_while_and_then_there_are_two(run: Run) -> None:
    """Incident 11: what beat missed is caught up once, and two beats tell nothing twice."""
    for blow in run.blows(2):
        if blow == 0:
            run.kill("beat")
            time.sleep(3.0)
            run.start("beat")
        else:
            run.start("beat2")
    all_told(run.verdict())


def test_16_people_who_leave_in_the_middle_end_nothing_but_their_own_notices(run: Run) -> None:
    """Incident 16: whoever unfollows between claim and send is told nothing more, and nobody tries for ever."""
    gone = run.dice.sample(range(run.dossier_count), 5)
    for _ in run.blows(1):
        run.unfollow(gone)
    verdict = run.verdict()
    assert (verdict.lost, verdict.sent_twice, verdict.out_of_order, verdict.uncertain) == (0, 0, 0, 0), str(verdict)
    assert verdict.accepted + verdict.unreachable == verdict.notices, str(verdict)
    assert run.scalar("SELECT max(attempts) FROM notices WHERE state = 'unreachable'") in (None, 1)
