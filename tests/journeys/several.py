"""A deployment of several OAs: their file, tasks that begin afresh in this process, and whole provinces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from celery.signals import worker_process_shutdown

import producers.tasks
import worker.tasks
from config.oas import load_oas
from coordination import bell
from ledger.people.people import Link
from operators.processes import Processes
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from sandbox.zalo.client import SandboxZalo
from worker.channels.zalo.oauth import pair_of
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)

_CACHED = (
    worker.tasks.deployment, worker.tasks.settling, worker.tasks.pump,
    producers.tasks.office, producers.tasks.polling, producers.tasks.reconciling, producers.tasks.reminding,
    bell._redis, bell.ringer, bell.unheard,
)  # fmt: skip


def write(path: Path, tables: Mapping[str, Mapping[str, str | int | float]]) -> str:
    """A file of OAs; returns its path as HCC_OAS takes it."""
    lines = []
    for name, table in tables.items():
        lines += [f'["{name}"]', *(f'{key} = "{value}"' for key, value in table.items())]
    path.write_text("\n".join(lines))
    return str(path)


@contextmanager
def tasks(environment: Mapping[str, str]) -> Iterator[None]:
    """The doorbells of both halves with these settings, as in a worker that has just been started."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        _forget()
        yield
        worker_process_shutdown.send(sender=None)  # ends the pump, if a bell made one
        producers.tasks.office().ledger.dispose()
        worker.tasks.deployment().close()
    _forget()


def _forget() -> None:
    for cached in _CACHED:
        cached.cache_clear()


@dataclass
class Province:
    """One OA of a country: its Zalo, its dossier database, its services."""

    oa: str
    zalo: SandboxZalo
    dossiers: LivingDossiers
    services: Services

    def file(self, number: int) -> str:
        """Citizen `number` follows this OA, has shared the phone, and has filed a dossier; returns its code."""
        phone, code = f"978{number:06}", f"H27.37-240219-{number:04}"
        with self.services.ledger.begin() as tx:
            link = Link(str(6_142_494_823_000_000_000 + number), f"+84{phone}")
            self.services.people.link(tx, self.oa, [link], source="test")
        self.dossiers.file(code, phone=f"0{phone}", at=MORNING)
        return code

    def accept(self, code: str) -> None:
        self.dossiers.accept(code, at=MORNING, appointment=MORNING + timedelta(days=7))


@dataclass
class Country:
    """Provinces on one ledger and one Redis, each with a Zalo and a dossier database of its own."""

    provinces: dict[str, Province]
    environment: dict[str, str]
    logs: Path
    stack: ExitStack

    def start(self, *names: str) -> Processes:
        """Start processes of the Procfile; they end with the test."""
        return self.stack.enter_context(Processes(names, self.environment, self.logs))

    def said(self) -> str:
        """What the processes wrote."""
        return "\n".join(path.read_text() for path in sorted(self.logs.glob("*.log")))


@contextmanager
def country(
    servers: Servers, common: Mapping[str, str], folder: Path, **changes: Mapping[str, str | int]
) -> Iterator[Country]:
    """A province for each of `changes`, by name; what is said there goes into its table."""
    with ExitStack() as stack:
        tables: dict[str, dict[str, str | int | float]] = {}
        made: dict[str, Province] = {}
        for number, (name, table) in enumerate(changes.items(), 1):
            oa, app, url = f"{number}024926008133882615", str(number), _dossiers(servers, stack, name)
            zalo = stack.enter_context(SandboxZalo(app_id=app, app_secret="s", oa_id=oa, everybody_known=True))
            hosts = dict.fromkeys(("zalo_openapi_url", "zalo_business_url", "zalo_oauth_url"), zalo.api_url)
            tables[name] = {"zalo_oa_id": oa, "zalo_app_id": app, "dossier_url": url, **hosts, **table}
            living = LivingDossiers(url)
            stack.callback(living.close)
            made[name] = Province(oa, zalo, living, None)  # type: ignore[arg-type]
        environment = {**common, "HCC_OAS": write(folder / "oas.toml", tables)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            deployment = Deployment(load_oas())
        stack.callback(deployment.close)
        for province in made.values():
            province.services = deployment.of(province.oa)
            with deployment.shared.ledger.begin() as tx:
                deployment.shared.credentials.store(tx, province.oa, pair_of(province.zalo.mint_tokens()))
        yield Country(made, environment, folder, stack)


def _dossiers(servers: Servers, stack: ExitStack, name: str) -> str:
    servers.create_database(f"dossiers_of_{name}")
    stack.callback(servers.drop_database, f"dossiers_of_{name}")
    return servers.database_url(f"dossiers_of_{name}")
