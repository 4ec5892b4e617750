"""A PgBouncer of Debian's package in transaction mode, in front of a test's ledger; nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

from sandbox.servers.child import Child
from sandbox.servers.files import candidate_ports, wait_until

_SERVER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PATIENCE = 20.0

ABSENT = "" if _SERVER else "no PgBouncer here: `apt-get install --no-install-recommends pgbouncer` runs these tests"

# What it is told is what it cannot do without: no ignored parameters, no query at the beginning or end of a session.
_SETTINGS = """
[databases]
* = host={host} port={server_port} user={user} password={password} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
query_wait_timeout = 20
"""


@contextmanager
def pgbouncer(ledger_url: str, pool_size: int) -> Iterator[str]:
    """The URL of the same ledger through a PgBouncer that keeps at most `pool_size` connections to it."""
    behind = make_url(ledger_url)
    port = next(candidate_ports(None))
    folder = Path(tempfile.mkdtemp(prefix="hcc-pgbouncer-"))
    file = folder / "pgbouncer.ini"
    file.write_text(
        _SETTINGS.format(
            host=behind.host, server_port=behind.port, user=behind.username, password=behind.password,
            database=behind.database, port=port, pool_size=pool_size,
        )
    )  # fmt: skip
    command = [str(_SERVER), str(file)]
    if os.geteuid() == 0:  # it does not run as root
        folder.chmod(0o755)
        command[1:1] = ["-u", "nobody"]
    life = os.open(folder / "life", os.O_RDWR | os.O_CREAT)
    with (folder / "out").open("ab") as log:
        child = Child(command, account=None, cwd=folder, log=log.fileno(), life=life, death_signal=signal.SIGTERM)
    url = behind.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    try:
        assert wait_until(lambda: _serves(url) or not child.alive, _PATIENCE), "PgBouncer does not answer"
        assert child.alive, (folder / "out").read_text()
        yield url
    finally:
        child.stop((signal.SIGTERM, signal.SIGKILL), _PATIENCE)
        os.close(life)
        shutil.rmtree(folder, ignore_errors=True)


def _serves(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect():
            return True
    except DBAPIError:
        return False
    finally:
        engine.dispose()
