"""Measures the cost of an idle system per minute: transactions, calls to Redis, CPU of each process.

    python -m benchmarks.idle                 one OA, a minute
    BENCH_OAS=1,34 python -m benchmarks.idle  also 34 OAs, each with its own dossier database, from a file (HCC_OAS)

Nothing happens in the dossier databases, nobody writes, and nothing is due: only polls and bells remain.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from redis import Redis
from sqlalchemy import create_engine, text

from benchmarks.measure import cpu_seconds
from benchmarks.product import product, product_environment
from benchmarks.report import Report
from benchmarks.standin.client import StandIn
from benchmarks.world import BENCH, OA, World, tell, world
from config.settings import Settings
from ledger.zalo.credentials import Pair
from operators.processes import procfile
from sandbox.dossiers.living import create_schema
from worker.services.bootstrap import Services

OAS = [int(word) for word in os.environ.get("BENCH_OAS", "1,34").split(",")]
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
_SETTLED_SECONDS = 15.0  # until all processes have started and finished their first rounds
_SHOWN = 6  # the most frequent Redis commands
_SEVERAL = "oas" in Settings.model_fields


@dataclass(frozen=True, slots=True)
class Counts:
    """Monotonic counters."""

    transactions: Mapping[str, int]  # by database
    commands: Mapping[str, int]  # of Redis
    cpu: Mapping[str, float]  # seconds, by process

    def since(self, before: Counts, scale: float) -> Counts:
        """The increase since `before`, times `scale`."""
        return Counts(
            {name: round((n - before.transactions.get(name, 0)) * scale) for name, n in self.transactions.items()},
            {name: round((n - before.commands.get(name, 0)) * scale) for name, n in self.commands.items()},
            {name: (seconds - before.cpu[name]) * scale for name, seconds in self.cpu.items()},
        )


def main() -> None:
    report = Report("idle", "What an idle system costs")
    report.text(
        f"A worker with two children, a beat and a web process, polling every two seconds; {SECONDS:g} s in which "
        "nothing happens, as a minute's counts. Transactions are PostgreSQL's own count, commands Redis', CPU the "
        "operating system's, each process with its children."
    )
    for oas in OAS:
        if oas > 1 and not _SEVERAL:
            report.text(f"{oas} OAs: not measured, this version knows one.")
            continue
        with world() as made, StandIn(oa=OA) as zalo:
            _tell(report, oas, _minute(made, zalo, oas))
    report.write()


def _minute(made: World, zalo: StandIn, oas: int) -> Counts:
    ledger = made.ledger("idle", fresh=True)
    given = product_environment(made, zalo, ledger) | {"PORT": str(_free_port())}
    if oas > 1:
        given |= {"HCC_OAS": _file_of(made, oas)}
    services = Services(made.settings(ledger, given["HCC_DOSSIER_URL"], **given))
    with services.ledger.begin() as tx:
        for number in range(oas):
            services.credentials.store(tx, oa_of(number), Pair("access", "refresh", 90_000))
    services.close()
    with ExitStack() as stack:
        pids = stack.enter_context(product(given, also={"web": procfile()["web"]}))
        pids |= {"PostgreSQL": made.postgres_pid, "Valkey": made.valkey_pid}
        time.sleep(_SETTLED_SECONDS)
        tell(f"{oas} OAs, idle for {SECONDS:g} s")
        before = _counts(made, pids)
        time.sleep(SECONDS)
        return _counts(made, pids).since(before, 60 / SECONDS)


def _counts(made: World, pids: Mapping[str, int]) -> Counts:
    engine = create_engine(made.servers.database_url("postgres"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT datname, xact_commit + xact_rollback AS n FROM pg_stat_database"))
        transactions = {row.datname: row.n for row in rows if row.datname and not row.datname.startswith("template")}
    engine.dispose()
    with Redis.from_url(made.servers.redis_url(), decode_responses=True) as redis:
        stats = redis.info("commandstats")
    spent = cpu_seconds(pids.values())
    return Counts(
        transactions,
        {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()},
        {name: spent[pid] for name, pid in pids.items()},
    )


def oa_of(number: int) -> str:
    """The id of an OA; number 0 is the OA of the settings."""
    return str(int(OA) + number)


def _file_of(made: World, oas: int) -> str:
    """Write a file for HCC_OAS with `oas` OAs, each with its own app, key and empty dossier database."""
    tables = []
    for number in range(oas):
        made.servers.create_database(f"idle_{number}")
        source = made.servers.database_url(f"idle_{number}")
        create_schema(source)
        tables.append(
            f'[province-{number}]\nzalo_oa_id = "{oa_of(number)}"\nzalo_app_id = "{number + 1}"\n'
            f'zalo_app_secret = "app-secret-{number}"\nzalo_oa_secret = "oa-secret-{number}"\n'
            f'dossier_url = "{source}"\n'
        )
    file = BENCH / "oas.toml"
    file.write_text("\n".join(tables), encoding="utf-8")
    return str(file)


def _tell(report: Report, oas: int, minute: Counts) -> None:
    ours = {name: n for name, n in minute.transactions.items() if name.startswith("idle")}
    sources = sum(n for name, n in minute.transactions.items() if name.startswith(("idle_", "no_dossiers")))
    ledger = ours.get("idle", 0)
    report.text(f"**{oas} OA{'s' if oas > 1 else ''}**")
    rows: list[Sequence[str]] = [
        ("transactions in the ledger", f"{ledger:,}"),
        ("transactions in the dossier databases", f"{sources:,}"),
        ("commands of Redis", f"{sum(minute.commands.values()):,}"),
        *(
            (f"CPU of {name}", f"{seconds:.2f} s ({seconds / 60:.1%} of a core)")
            for name, seconds in minute.cpu.items()
        ),
    ]
    report.table(("in a minute", "idle"), rows)
    busiest = sorted(minute.commands.items(), key=lambda one: -one[1])[:_SHOWN]
    report.text(f"Redis' commands: {', '.join(f'{name} {calls:,}' for name, calls in busiest)}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
