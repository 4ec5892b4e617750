"""A living dossier database, a ledger, and pollers between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.volume_guard import OFF, VolumeGuard
from ledger.base.sealing import Sealer
from ledger.people.people import People
from producers.dossiers.guarding import StartFrom
from producers.dossiers.mapping import Mapping, load_mapping
from producers.dossiers.poll import Poller
from producers.dossiers.source import Source
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers

OA = "1234567890123456789"
PHONE = "0978362918"
MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
_numbers = itertools.count(1)


@dataclass
class World:
    """The dossier database, the ledger, and what pollers between them did."""

    url: str
    dossiers: LivingDossiers
    ledger: Engine
    people: People
    mapping: Mapping = field(default_factory=lambda: load_mapping("reference"))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    rung: int = 0
    guard: VolumeGuard = OFF  # most of these tests play days of 2024
    sources: list[Source] = field(default_factory=list)

    def poller(
        self, *, start_from: StartFrom = "now", ring: Callable[[], None] | None = None, **limits: float
    ) -> Poller:
        """A poller whose clock is `now` of this world; `limits` change the mapping's."""
        changed = self.mapping.limits.model_copy(update=limits)
        mapping = self.mapping.model_copy(update={"limits": changed})
        source = Source(self.url, mapping)
        self.sources.append(source)
        return Poller(
            oa=OA,
            ledger=self.ledger,
            people=self.people,
            source=source,
            mapping=mapping,
            start_from=start_from,
            guard=self.guard,
            ring=ring or self._heard,
            clock=lambda: self.now,
        )

    def started(self, **limits: float) -> Poller:
        """A poller that has its first start behind it."""
        poller = self.poller(**limits)
        poller.round()
        return poller

    def without(self, *feeds: str) -> None:
        """From now on the source cannot answer these feeds."""
        changed = self.mapping.feeds.model_copy(update=dict.fromkeys(feeds))
        self.mapping = self.mapping.model_copy(update={"feeds": changed})

    def accept(self, code: str, *, phone: str | None = PHONE, channel: int = 2, at: datetime = MORNING) -> None:
        """A citizen files a dossier, and it is accepted."""
        self.dossiers.file(code, phone=phone, at=at, channel=channel)
        self.dossiers.accept(code, at=at, appointment=at + timedelta(days=7))

    def sql(self, statement: str, **values: object) -> None:
        """Do something to the dossier database that its software would not."""
        with self.dossiers.engine.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str) -> list[Any]:
        """Whatever the ledger says."""
        with self.ledger.connect() as connection:
            return list(connection.execute(text(query)))

    def told(self) -> list[str]:
        """The event keys of all notices but those that are kept back, in the order in which they are to be told."""
        query = "SELECT event_key FROM notices WHERE state <> 'quarantined' ORDER BY event_at, rank, id"
        return [row.event_key for row in self.rows(query)]

    def kept_back(self) -> dict[str, str]:
        """By event key why it is kept back."""
        rows = self.rows("SELECT event_key, reason FROM notices WHERE state = 'quarantined' ORDER BY id")
        return {row.event_key: row.reason for row in rows}

    def kinds(self) -> list[str]:
        """The kinds of all notices, in the order in which they are to be told."""
        return [key.split("/")[1] for key in self.told()]

    def _heard(self) -> None:
        self.rung += 1


@pytest.fixture
def world(servers: Servers, ledger: Engine) -> Iterator[World]:
    """An empty dossier database and an empty ledger."""
    name = f"producers_{next(_numbers)}"
    servers.create_database(name)
    url = servers.database_url(name)
    dossiers = LivingDossiers(url)
    world = World(url, dossiers, ledger, People.of(ledger, Sealer(["a-key-for-tests-only-0123456789"])))
    yield world
    dossiers.close()
    for source in world.sources:
        source.close()
    servers.drop_database(name)
