"""The rounds of several OAs: none waits for another's, whatever its dossier database does."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

import producers.tasks
import worker.tasks
from coordination.connection import open_redis
from coordination.cooldowns import Cooldowns
from coordination.rounds import Rounds
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from tests.journeys.several import tasks, write

MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)


def test_a_round_that_hangs_holds_up_nobody_and_is_not_begun_twice() -> None:
    """The bell leaves it after a moment; the next one passes by it; when it ends, its OA has its turn again."""
    go_on, made = threading.Event(), list[str]()

    def work(oa: str) -> None:
        made.append(oa)
        if oa == "hangs":
            go_on.wait(30)

    rounds = Rounds("test", work)
    began = time.monotonic()
    rounds.run(["hangs", "a", "b"], alone=False, seconds=0.3)
    rounds.run(["hangs", "a"], alone=False, seconds=30)  # waits for its own only
    assert time.monotonic() - began < 10
    assert sorted(made) == ["a", "a", "b", "hangs"]
    go_on.set()
    finish("test hangs")
    rounds.run(["hangs"], alone=False)
    assert made.count("hangs") == 2


def test_who_was_slow_is_not_waited_for_until_it_is_quick_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A province that always takes longer than a bell waits would cost a process half its time."""
    monkeypatch.setattr("coordination.rounds.PATIENCE", 0.1)
    go_on = threading.Event()
    rounds = Rounds("test", lambda _: go_on.wait(30))
    rounds.run(["slow"], alone=False, seconds=0.2)
    go_on.set()
    finish("test slow")
    go_on.clear()
    began = time.monotonic()
    rounds.run(["slow"], alone=False, seconds=30)
    assert time.monotonic() - began < 10
    go_on.set()
    finish("test slow")
    for _ in range(2):  # quick again: the first is not waited for, the second is
        rounds.run(["slow"], alone=False, seconds=30)
        finish("test slow")
    assert not rounds._slow


def finish(name: str) -> None:
    """Wait for the threads of this name."""
    for thread in [one for one in threading.enumerate() if one.name == name]:
        thread.join(10)


def test_a_round_that_fails_is_told_and_the_others_are_made(caplog: pytest.LogCaptureFixture) -> None:
    """The type of the fault only: its text may hold anything."""
    made = list[str]()

    def work(oa: str) -> None:
        made.append(oa)
        if oa == "bad":
            raise ValueError("0978362918")

    rounds = Rounds("test", work)
    for _ in range(2):
        rounds.run(["bad", "good"], alone=False)
    assert sorted(made) == ["bad", "bad", "good", "good"]
    assert "test failed oa=bad why=ValueError" in caplog.text
    assert "0978362918" not in caplog.text


def test_the_only_oa_is_served_in_the_task_itself() -> None:
    """As before there were several: no thread, and the task's time limit holds."""
    made = list[str]()
    Rounds("test", lambda _: made.append(threading.current_thread().name)).run(["1"], alone=True)
    assert made == [threading.current_thread().name]


def test_what_rests_for_one_process_rests_for_all(redis_url: str) -> None:
    """Whoever comes first does it; after its time, or a flush, it is due again."""
    with open_redis(redis_url) as redis:
        one, other = Cooldowns(redis), Cooldowns(redis)
        assert one.over({"a": 60, "b": 60}) == ["a", "b"]
        assert other.over({"a": 60, "c": 60}) == ["c"]
        redis.flushall()
        assert other.over({"a": 0.001}) == ["a"]
        time.sleep(0.01)  # what is looked at is that a time is over
        assert one.over({"a": 60}) == ["a"]


@pytest.fixture
def common(ledger_url: str, redis_url: str) -> dict[str, str]:
    """What all OAs share."""
    return {
        "HCC_DATABASE_URL": ledger_url, "HCC_REDIS_URL": redis_url, "HCC_ZALO_APP_ID": "1",
        "HCC_ZALO_APP_SECRET": "s", "HCC_SECRET_KEYS": "a-key-for-tests-only-0123456789",
        "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024
    }  # fmt: skip


def test_a_silent_dossier_database_delays_no_other_poll(
    servers: Servers, ledger: Engine, common: dict[str, str], silent: str, tmp_path: Path
) -> None:
    """In one process: both bells are over in about a second, and what the other province did is recorded by then."""
    with ExitStack() as stack:
        servers.create_database("speaks")
        stack.callback(servers.drop_database, "speaks")
        dossiers = LivingDossiers(servers.database_url("speaks"))
        stack.callback(dossiers.close)
        tables = {"silent": {"zalo_oa_id": "1", "dossier_url": silent},
                  "speaks": {"zalo_oa_id": "2", "dossier_url": servers.database_url("speaks")}}  # fmt: skip
        file = write(tmp_path / "oas.toml", tables)
        stack.enter_context(tasks(common | {"HCC_OAS": file}))
        began = time.monotonic()
        producers.tasks.poll()
        first = time.monotonic() - began
        dossiers.file("H27.37-240219-1001", phone="0978362918", at=MORNING)
        dossiers.accept("H27.37-240219-1001", at=MORNING, appointment=MORNING)
        began = time.monotonic()
        producers.tasks.poll()
        second = time.monotonic() - began
        with ledger.connect() as connection:
            found = connection.execute(text("SELECT oa, event_key FROM notices")).all()
        assert [tuple(row) for row in found] == [("2", "H27.37-240219-1001/accepted/1")]
        assert first < 5, "it connects for five seconds"
        assert second < 5, "the hanging round is passed by"


def test_a_slower_oa_is_polled_at_its_own_pace(common: dict[str, str], tmp_path: Path) -> None:
    """The bell rings at the shortest interval; who wants a minute gets a minute, in every process together."""
    tables = {"fast": {"zalo_oa_id": "1", "poll_seconds": 1, "dossier_url": "sqlite:///a"},
              "slow": {"zalo_oa_id": "2", "poll_seconds": 60, "dossier_url": "sqlite:///b"}}  # fmt: skip
    file = write(tmp_path / "oas.toml", tables)
    with tasks(common | {"HCC_OAS": file}):
        assert [producers.tasks.office().due() for _ in range(2)] == [["1", "2"], ["1"]]
        producers.tasks.office.cache_clear()
        assert producers.tasks.office().due() == ["1"], "another process knows"
    with tasks(common | {"HCC_REDIS_URL": "redis://127.0.0.1:1", "HCC_OAS": file}):
        assert producers.tasks.office().due() == ["1", "2"], "without Redis rather too often"


BELLS = (
    worker.tasks.wake, worker.tasks.sweep, worker.tasks.settle, worker.tasks.renew_tokens, producers.tasks.events,
)  # fmt: skip


def asked_when_idle(common: dict[str, str], tmp_path: Path, oas: int) -> dict[str, tuple[int, int]]:
    """For each bell of an idle deployment: statements to the ledger, commands to Redis (those of scripts, too)."""
    tables = {str(number): {"dossier_url": f"sqlite:///{number}"} for number in range(1, oas + 1)}
    file = write(tmp_path / "oas.toml", tables)
    asked: list[str] = []
    counted: dict[str, tuple[int, int]] = {}
    event.listen(Engine, "before_cursor_execute", note := lambda *given: asked.append(given[2]))
    try:
        with tasks(common | {"HCC_OAS": file}), open_redis(common["HCC_REDIS_URL"]) as redis:
            for bell in BELLS * 2:  # the first time connections are opened
                asked.clear()
                before = redis.info("stats")["total_commands_processed"]
                bell()
                commands = redis.info("stats")["total_commands_processed"] - before - 1
                counted[bell.name] = len(asked), commands
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return counted


def test_34_idle_oas_ask_no_more_of_the_ledger_than_one(common: dict[str, str], tmp_path: Path) -> None:
    """Upkeep costs one question for all of them; only the dossier databases are asked one by one."""
    one = asked_when_idle(common, tmp_path, 1)
    many = asked_when_idle(common, tmp_path, 34)
    assert many == one
    statements, commands = ({bell: counted[place] for bell, counted in many.items()} for place in (0, 1))
    assert statements.pop("worker.sweep") <= 3  # one of them asks for the acts of the console
    assert max(statements.values()) <= 2, many
    assert max(commands.values()) <= 7, many
