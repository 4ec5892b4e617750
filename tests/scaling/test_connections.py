"""What is computed for a deployment is never less than what its processes open under load."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from click.testing import CliRunner

from config.connections import ProcessCounts, ProcessPlan, most
from coordination.connection import QueueDown, open_redis
from coordination.processes import CHILD, Process, ProcessBoard
from operators.cli.connections import check_broker, check_connections, connections, running
from tests.journeys.conftest import World, until
from worker.services.bootstrap import Services

_CHILDREN = os.cpu_count() or 1
_BY_NAME = (
    "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'hcc %' AND datname = current_database()"
)


@pytest.mark.journey
def test_a_worker_under_load_opens_no_more_than_was_computed(world: World) -> None:
    """State and broker are two databases of one Redis here, so that their clients can be told apart."""
    state = world.environment["HCC_REDIS_URL"]
    broker = f"{state.rpartition('/')[0]}/1"
    for number in range(200):
        world.follow(number)
    ours = world.rows(_BY_NAME)[0].n  # of this process
    world.start("worker", "beat", "web", broker_url=broker)
    for number in range(200):
        world.accept(number)
    seen: Counter[str] = Counter()
    with open_redis(state) as redis:

        def watched() -> bool:
            clients = Counter(client["db"] for client in redis.client_list())
            now = {"ledger": world.rows(_BY_NAME)[0].n - ours, "redis": clients["0"] - 1, "broker": clients["1"]}
            seen.update({name: max(0, number - seen[name]) for name, number in now.items()})
            return len(world.zalo.messages()) >= 200

        until(watched, "200 messages", world=world)
    with open_redis(state) as redis:
        said = ProcessBoard(redis)
        until(lambda: len(said.running()) == _CHILDREN + 2, "every process to say that it runs", world=world)
    counted = running(world.services)
    assert counted == ProcessCounts(workers=1, children=_CHILDREN, beats=1, webs=1)
    computed = most(counted, broker)
    assert computed == most(ProcessPlan(1, _CHILDREN, consoles=0), broker)
    for name, number in seen.items():
        assert 0 < number <= getattr(computed, name), (name, dict(seen))


def test_the_command_says_whether_the_servers_have_room(
    ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the deployment that is planned, not only for the one that runs."""
    settings = {
        "DATABASE_URL": ledger_url,
        "DOSSIER_URL": ledger_url,  # not asked
        "REDIS_URL": redis_url,
        "SECRET_KEYS": "0123456789abcdef",
        "ZALO_APP_ID": "1",
        "ZALO_OA_ID": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    few = CliRunner().invoke(connections, ["--hosts", "1", "--children", "1"])
    assert (few.exit_code, "KHÔNG" in few.output) == (0, False), few.output
    many = CliRunner().invoke(connections, ["--hosts", "100", "--children", "4"])
    assert (many.exit_code, "KHÔNG" in many.output) == (1, True), many.output


def test_without_a_plan_the_command_counts_what_runs(
    ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers of one host, of different sizes; where none runs it says that it plans."""
    given = {"DATABASE_URL": ledger_url, "DOSSIER_URL": ledger_url, "REDIS_URL": redis_url, "ZALO_OA_ID": "1"}
    for name, value in {**given, "SECRET_KEYS": "0123456789abcdef", "ZALO_APP_ID": "1"}.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    assert "Dự tính: 1 worker" in CliRunner().invoke(connections, []).output
    with open_redis(redis_url) as redis:
        for pid, parent in ((11, 10), (12, 10), (21, 20)):
            ProcessBoard(redis).say(Process("h1", pid, parent, CHILD))
    told = CliRunner().invoke(connections, [])
    assert "Đang chạy: 2 worker, 3 tiến trình con, 0 beat, 0 web, 0 console." in told.output
    rows = json.loads(CliRunner().invoke(connections, ["--json"]).output)
    assert rows[0]["open"] >= 1
    assert rows[0]["most"] == most(ProcessCounts(2, 3, 0, 0), redis_url).ledger


def test_the_doctor_tells_redis_from_the_broker_and_counts_for_the_hosts_it_sees(world: World) -> None:
    """One host here, with as many children as it has cores."""
    assert list(check_broker(world.services)) == ["kết nối được (redis, cùng Redis)"]
    counts = most(ProcessPlan(1, _CHILDREN), world.services.settings.broker)
    (told,) = check_connections(world.services)
    assert f"1 máy × {_CHILDREN} tiến trình con" in told
    assert f"PostgreSQL {counts.ledger}/" in told
    assert f"Redis {counts.redis + counts.broker}/" in told
    away = Services(world.settings(broker_url="amqp://guest:hush@127.0.0.1:1//"))
    with pytest.raises(QueueDown, match="the broker does not answer: OperationalError"):
        list(check_broker(away))
