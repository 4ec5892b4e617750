"""Provides a benchmark's environment: embedded servers, dossier databases filled once and kept, ledgers, settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text

from config.settings import ROOT, VAR, Settings
from ledger.base.engine import open_ledger
from ledger.migrate import migrate
from operators.world import SANDBOX_ZALO
from sandbox.dossiers import fill as filling
from sandbox.dossiers.__main__ import size
from sandbox.dossiers.fill import Past, fill
from sandbox.servers import Servers
from sandbox.servers.roles import PRODUCT

BENCH = VAR / "bench"
OA = SANDBOX_ZALO["HCC_ZALO_OA_ID"]
_KEY = "a-key-for-benchmarks-only-0123456789"


def sizes(default: str, variable: str = "BENCH_SIZES") -> dict[str, int]:
    """The sizes to measure, by name: `BENCH_SIZES=10k,1M` in the environment, or the default."""
    return {name: size(name) for name in (os.environ.get(variable) or default).split(",")}


def tell(what: str) -> None:
    """Print the current step, since some steps take minutes."""
    print(f"   {time.strftime('%H:%M:%S')}  {what}", flush=True)


@dataclass(frozen=True, slots=True)
class World:
    """Embedded servers and their databases, by name."""

    servers: Servers

    def dossiers(self, count: int) -> str:
        """The URL of a database with `count` old dossiers. The first call fills it and prints that."""
        name = f"dossiers_{count}_{_fingerprint()}"
        if name not in self._names(name):
            tell(f"filling {count:,} dossiers, kept under {BENCH.relative_to(ROOT)} for the next time")
            for old in self._names(f"dossiers_{count}_"):  # of another schema, or from an interrupted fill
                self.servers.drop_database(old)
            half = f"{name}_half"
            self.servers.create_database(half)
            fill(self.servers.database_url(half), Past(count))
            self._run(f"ALTER DATABASE {half} RENAME TO {name}")
        return self.servers.database_url(name)

    def ledger(self, name: str, *, fresh: bool) -> str:
        """The URL of a migrated ledger, empty if `fresh`."""
        if fresh:
            self.servers.drop_database(name)
        self.servers.create_database(name)
        self._run(f"GRANT pg_checkpoint TO {PRODUCT}")  # for `filling`, which uses the product's own engine
        url = self.servers.database_url(name)
        engine = open_ledger(url)
        migrate(engine)
        engine.dispose()
        return url

    @property
    def postgres_pid(self) -> int:
        """The process id of PostgreSQL's main process: the others are its children."""
        return self.servers.postgres.pid or 0

    @property
    def valkey_pid(self) -> int:
        return self.servers.valkey.pid or 0

    def checkpoint(self) -> None:
        """Write earlier changes to disk, so that this work is not part of the next measurement."""
        self._run("CHECKPOINT")

    def settings(self, ledger_url: str, dossier_url: str, **more: str) -> Settings:
        """The product's settings. The Redis URL is also put into the environment, where the bell reads it."""
        os.environ["HCC_REDIS_URL"] = self.servers.redis_url()
        fields = environment(ledger_url, dossier_url, self.servers.redis_url()) | more
        values = {name.removeprefix("HCC_").lower(): value for name, value in fields.items()}
        return Settings(_env_file=None, **values)  # type: ignore[arg-type]  # strings, which pydantic parses

    def _names(self, prefix: str) -> list[str]:
        """The databases whose names begin with `prefix`."""
        return self._run("SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)", prefix=prefix)

    def _run(self, sql: str, **values: str) -> list[str]:
        with self.servers.postgres.connected() as connection:
            done = connection.execute(text(sql), values)
            return [str(name) for name in done.scalars()] if done.returns_rows else []


def environment(ledger_url: str, dossier_url: str, redis_url: str) -> dict[str, str]:
    """The environment variables of our processes."""
    return SANDBOX_ZALO | {
        "HCC_DATABASE_URL": ledger_url,
        "HCC_DOSSIER_URL": dossier_url,
        "HCC_REDIS_URL": redis_url,
        "HCC_SECRET_KEYS": _KEY,
        "HCC_CHANNELS": "zalo_cs",
        "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024 …
        "HCC_GUARD_NOTICES": "0",  # … and more than a day's work
    }


@contextmanager
def world() -> Iterator[World]:
    """Run the servers under var/bench while the benchmark runs."""
    for name in [name for name in os.environ if name.startswith("HCC_")]:
        del os.environ[name]  # an installation's settings must not affect a benchmark
    tell(f"starting servers under {BENCH.relative_to(ROOT)}")
    with Servers(BENCH / "servers") as servers:
        yield World(servers)


def _fingerprint() -> str:
    """A hash of the schema and the fill: databases that were filled differently are not reused."""
    folder = Path(filling.__file__).parent
    return sha256(b"".join((folder / name).read_bytes() for name in ("schema.sql", "fill.sql"))).hexdigest()[:8]
