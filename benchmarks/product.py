"""Runs the product as the Procfile starts it, against a stand-in for Zalo."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis

from benchmarks.standin.client import StandIn
from benchmarks.standin.trust import environment as trusting
from benchmarks.world import BENCH, World, environment
from operators.processes import Processes, procfile
from sandbox.dossiers.living import create_schema

LOGS = BENCH / "logs"
REDIS_DB = 1
_NO_LIMIT = "10000000"  # calls per minute


def product_environment(
    made: World,
    zalo: StandIn,
    ledger: str,
    *,
    source: str | None = None,
    rate_per_minute: int | None = None,
    tls: bool = False,
) -> dict[str, str]:
    """The environment of our processes: a ledger and a dossier database by URL, and their own Valkey database.

    Without `source` the dossier database is empty; without `rate_per_minute` the limit is too high to matter.
    """
    source = source or no_dossiers(made)
    url = zalo.tls_url if tls else zalo.url
    return (
        environment(ledger, source, made.servers.redis_url(REDIS_DB))
        | dict.fromkeys(("HCC_ZALO_OPENAPI_URL", "HCC_ZALO_BUSINESS_URL", "HCC_ZALO_OAUTH_URL"), url)
        | {
            "HCC_ZALO_RATE_PER_MINUTE": str(rate_per_minute or _NO_LIMIT),
            "HCC_QUIET_HOURS": "00:00-00:00",  # a benchmark may run at night
        }
        | (trusting(zalo.ca_file) if tls else {})
    )


def no_dossiers(made: World) -> str:
    """The URL of an empty dossier database."""
    made.servers.create_database("no_dossiers")
    source = made.servers.database_url("no_dossiers")
    create_schema(source)
    return source


@contextmanager
def product(
    given: Mapping[str, str], *, workers: int = 1, children: int = 2, also: Mapping[str, str] | None = None
) -> Iterator[dict[str, int]]:
    """Run our workers, a beat and the processes in `also` on an empty queue; yields process ids, the workers' first."""
    with Redis.from_url(given["HCC_REDIS_URL"]) as redis:
        redis.flushdb()
    commands = procfile()
    wanted = {f"worker{n}": f"{commands['worker']} -c {children} -n worker{n}@%h" for n in range(workers)}
    with running(wanted | {"beat": commands["beat"]} | dict(also or {}), given) as pids:
        yield pids


@contextmanager
def running(commands: Mapping[str, str], given: Mapping[str, str], logs: Path = LOGS) -> Iterator[dict[str, int]]:
    """Run processes by name; yields their ids. At the end of the block, when nothing is in flight, they are killed."""
    shutil.rmtree(logs, ignore_errors=True)
    with Processes((), given, logs) as processes:
        started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                started[name] = processes.start(name, command)
            yield {name: process.pid for name, process in started.items()}
        finally:
            for process in started.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
