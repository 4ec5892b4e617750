"""A MariaDB server of Debian's packages, in a folder of its own, for one test session."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

_SERVER = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
_INSTALL = shutil.which("mariadb-install-db")
_DEFAULTS = shutil.which("my_print_defaults")  # of the client's package; the installer asks it
_PATIENCE = 60.0

ABSENT = (
    ""
    if _SERVER and _INSTALL and _DEFAULTS
    else "no MariaDB here: `apt-get install mariadb-server-core mariadb-client-core` runs these tests"
)


@contextmanager
def mariadb() -> Iterator[str]:
    """Start a server; its URL without a database name. It is gone with the context, and its folder too."""
    folder = Path(tempfile.mkdtemp(prefix="hcc-mariadb-"))
    user = f"--user={getpass.getuser()}"
    install = [str(_INSTALL), "--no-defaults", f"--datadir={folder}", user, "--auth-root-authentication-method=normal",
               "--skip-test-db"]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(_SERVER), "--no-defaults", f"--datadir={folder}", f"--socket={folder}/sock", f"--port={port}", user,
               "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--character-set-server=utf8mb4",
               "--collation-server=utf8mb4_bin", f"--pid-file={folder}/pid"]  # fmt: skip
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            url = f"mariadb+pymysql://root@127.0.0.1:{port}"
            _wait(url)
            yield url
        finally:
            server.terminate()
            server.wait(30)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str) -> None:
    until = time.monotonic() + _PATIENCE
    engine = create_engine(f"{url}/mysql")
    while True:
        with suppress(SQLAlchemyError), engine.connect():
            engine.dispose()
            return
        if time.monotonic() > until:
            raise TimeoutError("MariaDB does not answer")
        time.sleep(0.1)
