"""A ledger's server with a standby, its backups, and servers whose clocks are moved."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from sandbox.servers import Postgres, Replicated, Servers
from sandbox.servers.backups import dump, restore
from sandbox.servers.clock import why_no_clock
from sandbox.servers.roles import SUPERUSER

DAY = 86_400.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers"), movable_clocks=not why_no_clock()) as started:
        yield started


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def query(url: str, statement: str) -> list[object]:
    """Run one statement in its own connection; the first column of what it returns."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def test_a_fail_over_keeps_what_had_arrived_and_loses_the_rest(tmp_path: Path) -> None:
    """One address all the time; the server behind it is another one, on another timeline."""
    with Replicated(tmp_path) as pair:
        url = pair.url("postgres", SUPERUSER)
        query(url, "CREATE TABLE kept AS SELECT 1 AS number")
        until(lambda: "kept" in query(pair.standby.url_as(SUPERUSER, "postgres"), "SELECT relname FROM pg_class"))
        with pytest.raises(DBAPIError, match="read-only"):
            query(pair.standby.url_as(SUPERUSER, "postgres"), "INSERT INTO kept VALUES (0)")
        [before] = query(url, "SELECT timeline_id FROM pg_control_checkpoint()")
        pair.hold_back()
        query(url, "INSERT INTO kept VALUES (2)")
        assert query(url, "SELECT number FROM kept") == [1, 2]
        held = create_engine(url, poolclass=NullPool).connect()

        pair.fail_over()

        assert query(url, "SELECT number FROM kept") == [1]
        query(url, "INSERT INTO kept VALUES (3)")
        assert query(url, "SELECT number FROM kept") == [1, 3]
        query(url, "CHECKPOINT")
        assert query(url, "SELECT timeline_id FROM pg_control_checkpoint()") != [before]
        with pytest.raises(DBAPIError):
            held.execute(text("SELECT 1"))
        held.invalidate()
        held.close()


def test_a_database_goes_back_to_what_its_backup_says(servers: Servers, tmp_path: Path) -> None:
    """Also while somebody is connected to it."""
    postgres: Postgres = servers.postgres
    postgres.create_database("going-back")
    url = postgres.url("going-back")
    query(url, "CREATE TABLE kept AS SELECT 1 AS number")
    dump(postgres, "going-back", tmp_path / "backup")
    query(url, "INSERT INTO kept VALUES (2)")
    held = create_engine(url, poolclass=NullPool).connect()

    restore(postgres, "going-back", tmp_path / "backup")

    assert query(url, "SELECT number FROM kept") == [1]
    held.invalidate()
    held.close()


@pytest.mark.skipif(bool(why_no_clock()), reason=why_no_clock())
@pytest.mark.parametrize("seconds", [180.0, -180.0, 5 * DAY, 0.0])
def test_the_clocks_of_running_servers_are_moved(servers: Servers, seconds: float) -> None:
    """Each by as much as it is told, at once; and they are found by whoever asks for them."""
    for server in (servers.postgres, servers.valkey):
        server.move_clock(seconds)
    [ledger] = query(servers.database_url(), "SELECT extract(epoch FROM clock_timestamp())::float8")
    with redis.Redis.from_url(servers.redis_url()) as client:
        whole, micro = client.time()
    assert float(str(ledger)) - time.time() == pytest.approx(seconds, abs=1)
    assert whole + micro / 1e6 - time.time() == pytest.approx(seconds, abs=1)


@pytest.mark.skipif(bool(why_no_clock()), reason=why_no_clock())
def test_a_server_with_a_moved_clock_that_is_killed_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """What the library keeps there is removed with the server, and the clock is as it was when it comes back."""
    with Servers(tmp_path, movable_clocks=True) as started:
        started.valkey.move_clock(DAY)
        pid = started.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: started.valkey.pid is None)
        started.valkey.start()
        with redis.Redis.from_url(started.redis_url()) as client:
            assert client.time()[0] - time.time() > DAY / 2
    assert not list(Path("/dev/shm").glob(f"*faketime*_{pid}"))  # noqa: S108 (named by the library)
