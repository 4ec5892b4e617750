"""The servers of the suite: one PostgreSQL and one Valkey a session, one empty database a test."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest
import redis as redis_client
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, make_url, text

from coordination import bell
from ledger.base.engine import open_ledger
from ledger.migrate import migrate
from operators import processes
from sandbox.servers import Servers
from sandbox.zalo import client
from tests.zygote import Zygote

_numbers = itertools.count(1)
_ROOM = 4 << 30  # bytes that the servers of all processes of a suite need at most

# A shell without job control starts what runs in the background with both ignored, and every child would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# A property is judged by what it finds; how long an example takes, or drawing one, says how busy the machine is.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """A command that runs in this process leaves its settings in the environment: they end with the test."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def bells() -> Iterator[Callable[[], None]]:
    """Each test's bells ring by its own settings; called, they are made anew in the middle of a test."""
    yield _forget_the_bells
    _forget_the_bells()


def _forget_the_bells() -> None:
    if bell.ringer.cache_info().currsize:
        bell.ringer().close()
    for made in (bell._redis, bell.ringer, bell.unheard):
        made.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def forked() -> Iterator[None]:
    """Processes of the Procfile need not import everything, where the system can do that (`tests.zygote`)."""
    executed, zalo_executed = processes.launch, client.launch
    with Zygote() as zygote, pytest.MonkeyPatch.context() as patch:

        def launch(command: str, environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
            return zygote.launch(command, environment, log) or executed(command, environment, log)

        def launch_zalo(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
            return zygote.launch_zalo(command, log) or zalo_executed(command, log)

        if sys.platform == "linux":
            patch.setattr(processes, "launch", launch)
            patch.setattr(client, "launch", launch_zalo)
        yield


def _in_memory() -> str | None:
    """The folder of the system that is in memory; None where it has none with room enough."""
    folder = "/dev/shm"  # noqa: S108 (a folder of a random name is made in it)
    return folder if Path(folder).is_dir() and shutil.disk_usage(folder).free > _ROOM else None


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real servers in a folder of their own, gone with the session: they need not outlive the machine's power."""
    root = Path(tempfile.mkdtemp(prefix="hcc-tests-", dir=_in_memory()))
    with Servers(root, settings={"fsync": "off", "full_page_writes": "off"}) as started:
        yield started
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(servers: Servers) -> str:
    """The name of a database with all migrations, copied for each test."""
    servers.create_database("migrated")
    engine = open_ledger(servers.database_url("migrated"))
    migrate(engine)
    engine.dispose()
    return "migrated"


@pytest.fixture
def ledger_url(servers: Servers, migrated: str) -> Iterator[str]:
    """The URL of an empty ledger of this test alone."""
    name = f"ledger_{next(_numbers)}"
    servers.create_database(name, template=migrated)
    yield servers.database_url(name)
    servers.drop_database(name)


@pytest.fixture
def empty_database_url(servers: Servers) -> Iterator[str]:
    """The URL of a database without tables, of this test alone."""
    name = f"ledger_{next(_numbers)}"
    servers.create_database(name)
    yield servers.database_url(name)
    servers.drop_database(name)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    """An engine on this test's ledger."""
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def role(servers: Servers) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a database for a role of this test alone, which may do nothing yet."""
    name = f"role_{next(_numbers)}"
    with servers.postgres.connected() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'open'"))
    given: list[str] = []

    def url(of: str) -> str:
        given.append(of)
        return make_url(of).set(username=name, password="open").render_as_string(hide_password=False)

    yield url
    for of in given:
        with servers.postgres.connected(make_url(of).database or "") as connection:
            connection.execute(text(f"DROP OWNED BY {name}"))
    with servers.postgres.connected() as connection:
        connection.execute(text(f"DROP ROLE {name}"))


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The URL of an emptied Redis database."""
    url = servers.redis_url()
    with redis_client.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a dossier database that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"postgresql://reader@127.0.0.1:{listener.getsockname()[1]}/dossiers"
