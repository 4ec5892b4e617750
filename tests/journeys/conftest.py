"""A whole world for a journey: ledger, Redis, dossier database, Zalo, and the processes of the Procfile."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, text

from config.settings import Settings
from domain.settling import LOOKS
from ledger.people.people import Link
from operators.cli.up import zalo_urls
from operators.processes import Processes
from operators.world import SANDBOX_ZALO
from producers.dossiers.poll import Poller, build_poller
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from sandbox.zalo.client import SandboxZalo
from worker.channels.zalo.oauth import pair_of
from worker.services.bootstrap import Services

_numbers = itertools.count(1)
MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)


@dataclass
class World:
    """Everything around a journey; `environment` is what the processes get."""

    environment: dict[str, str]
    servers: Servers
    zalo: SandboxZalo
    dossiers: LivingDossiers
    services: Services
    logs: Path
    stack: ExitStack

    def settings(self, **changes: str) -> Settings:
        """The settings of this world, with changes by field name."""
        fields = {name.removeprefix("HCC_").lower(): value for name, value in self.environment.items()}
        return Settings(_env_file=None, **(fields | changes))  # type: ignore[call-arg, arg-type]

    def follow(self, number: int) -> str:
        """Citizen `number` follows the OA and has shared the phone; returns the user id."""
        user_id, phone = str(6_142_494_823_000_000_000 + number), f"84978{number:06}"
        self.zalo.people([{"user_id": user_id, "phone": phone}])
        with self.services.ledger.begin() as tx:
            self.services.people.link(tx, self.oa, [Link(user_id, f"+{phone}")], source="test")
        return user_id

    def accept(self, number: int, at: datetime | None = None) -> str:
        """Citizen `number` files a dossier and it is accepted; returns its code."""
        code = f"H27.37-240219-{number:04}"
        at = at or MORNING
        self.dossiers.file(code, phone=f"0978{number:06}", at=at)
        self.dossiers.accept(code, at=at, appointment=at + timedelta(days=7))
        return code

    @property
    def oa(self) -> str:
        return self.environment["HCC_ZALO_OA_ID"]

    def poller(self) -> Poller:
        """A poller in this process; the first round is the baseline."""
        return build_poller(self.settings())

    def start(self, *names: str, **changes: str) -> Processes:
        """Start processes of the Procfile; they end with the test."""
        environment = self.environment | {f"HCC_{name.upper()}": value for name, value in changes.items()}
        return self.stack.enter_context(Processes(names, environment, self.logs))

    def states(self) -> dict[str, str]:
        """Each notice's state by its event key."""
        return {row.event_key: row.state for row in self.rows("SELECT event_key, state FROM notices")}

    def rows(self, sql: str) -> list[Any]:
        """Whatever the ledger says."""
        with self.services.ledger.connect() as connection:
            return list(connection.execute(text(sql)))

    def let_doubts_age(self, seconds: float = LOOKS[-1]) -> None:
        """As if whatever is in doubt had been so for as much longer: by the ledger's clock and by Redis'."""
        back = timedelta(seconds=seconds)
        with self.services.ledger.begin() as tx:
            doubted = "SELECT id FROM notices WHERE state = 'uncertain'"
            tx.execute(text(f"UPDATE history SET at = at - :back WHERE notice_id IN ({doubted})"), {"back": back})
            tx.execute(text("UPDATE notices SET due_at = now() WHERE state = 'uncertain'"))
        with redis.Redis.from_url(self.environment["HCC_REDIS_URL"], decode_responses=True) as client:
            for name, entry in client.hgetall("hcc:witness:now").items():
                if ":" in entry:
                    tag, at = entry.split(":")
                    client.hset("hcc:witness:now", name, f"{tag}:{int(at) - int(seconds)}")

    def messages(self, number: int, *, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait until Zalo has accepted `number` messages; returns all it has."""
        until(lambda: len(self.zalo.messages()) >= number, f"{number} messages on Zalo", seconds, self)
        return self.zalo.messages()


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0, world: World | None = None) -> None:
    """Wait for a condition; where it does not come, say what the processes wrote."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text()[-3000:] for path in sorted(world.logs.glob("*.log"))) if world else ""
            pytest.fail(f"waited {seconds:g} s in vain for {what}\n{world.states() if world else ''}\n{logs}")
        time.sleep(0.05)


@pytest.fixture
def world(servers: Servers, ledger_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A world at rest: migrated ledger, token imported, empty dossier database already seen once by a poll."""
    with ExitStack() as stack:
        name = f"dossiers_{next(_numbers)}"
        servers.create_database(name)
        stack.callback(servers.drop_database, name)
        zalo = stack.enter_context(
            SandboxZalo(
                app_id=SANDBOX_ZALO["HCC_ZALO_APP_ID"],
                app_secret=SANDBOX_ZALO["HCC_ZALO_APP_SECRET"],
                oa_id=SANDBOX_ZALO["HCC_ZALO_OA_ID"],
                oa_secret=SANDBOX_ZALO["HCC_ZALO_OA_SECRET"],
            )
        )
        environment = {
            **SANDBOX_ZALO,
            **zalo_urls(zalo),
            "HCC_DATABASE_URL": ledger_url,
            "HCC_DOSSIER_URL": servers.database_url(name),
            "HCC_REDIS_URL": redis_url,
            "HCC_SECRET_KEYS": "a-key-for-tests-only-0123456789",
            "HCC_CHANNELS": "zalo_cs",
            "HCC_POLL_SECONDS": "0.5",
            "HCC_RETRY_BASE_SECONDS": "1",
            "HCC_RETRY_CAP_SECONDS": "2",
            "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024
        }
        dossiers = LivingDossiers(environment["HCC_DOSSIER_URL"])
        stack.callback(dossiers.close)
        world = World(environment, servers, zalo, dossiers, None, tmp_path, stack)  # type: ignore[arg-type]
        world.services = Services(world.settings())
        stack.callback(world.services.close)
        with world.services.ledger.begin() as tx:
            world.services.credentials.store(tx, world.oa, pair_of(zalo.mint_tokens()))
        world.poller().round()
        yield world


def by_person(messages: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The texts that each user has, in the order in which Zalo accepted them."""
    told: dict[str, list[str]] = {}
    for message in messages:
        told.setdefault(message["user_id"], []).append(message["text"])
    return told


def count(ledger: Engine, sql: str) -> int:
    """The number that a query gives."""
    with ledger.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())
