"""A pump on a real ledger and a real Valkey, and a wire whose far side does what the test says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from config.settings import Settings
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from ledger.zalo.credentials import Pair
from worker.delivery.pump import Pump
from worker.services.bootstrap import Services
from worker.services.shared import Shared
from worker.wire.guard import Guard, mark
from worker.wire.protocol import Call, Landed, NotSent, Reply, Wire

ONE, OTHER = "4024926008133882615", "4024926008133882616"


class StillWire(Wire):
    """Calls hang until the test lets them land; each is answered as Zalo accepts it."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.hanging: dict[int, Call] = {}
        self.started: list[Call] = []
        self.lands: Callable[[Call], bool] = lambda _: True
        self._held_back: list[Landed] = []
        self._woken = Event()

    @property
    def room(self) -> int:
        return self.connections - len(self.hanging)

    @property
    def flying(self) -> int:
        return len(self.hanging)

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        assert len(calls) <= self.room
        held = mark(guard, [call.tag for call in calls])
        self._held_back += [(call, NotSent(held[call.tag], 0, held_back=True)) for call in calls if call.tag in held]
        gone = [call for call in calls if call.tag not in held]
        self.started += gone
        self.hanging.update({call.tag: call for call in gone})

    def landed(self, seconds: float) -> list[Landed]:
        done = [call for call in self.hanging.values() if self.lands(call)]
        if not done and not self._held_back:
            self._woken.wait(seconds)
        self._woken.clear()
        for call in done:
            del self.hanging[call.tag]
        held_back, self._held_back = self._held_back, []
        return [*held_back, *((call, Reply(200, {}, _accepted(call), 50, 1, 49)) for call in done)]

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        """Nothing to close."""


def _accepted(call: Call) -> bytes:
    return b'{"error": 0, "data": {"message_id": "m%d"}}' % call.tag


@pytest.fixture
def shared(ledger_url: str, redis_url: str) -> Iterator[Shared]:
    """What two OAs have in common."""
    made = Shared(_settings(ONE, ledger_url, redis_url))
    yield made
    made.close()


@pytest.fixture
def one(shared: Shared) -> Services:
    """The services of an OA with a person who follows it and has just written."""
    return _services(ONE, shared)


@pytest.fixture
def other(shared: Shared) -> Services:
    """Another OA, of another app."""
    return _services(OTHER, shared)


def _settings(oa: str, ledger_url: str, redis_url: str) -> Settings:
    return Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=ledger_url, redis_url=redis_url, zalo_oa_id=oa, zalo_app_id=oa[-2:],
        zalo_app_secret="secret", secret_keys=["0123456789abcdef"], channels=["zalo_cs"],
        zalo_openapi_url=f"http://zalo-of-{oa[-2:]}", zalo_rate_per_minute=1_000_000,
    )  # fmt: skip


def _services(oa: str, shared: Shared) -> Services:
    services = Services(_settings(oa, shared.settings.database_url, shared.settings.redis_url), shared)
    with services.ledger.begin() as tx:
        services.credentials.store(tx, oa, Pair(access="access", refresh="refresh", life_seconds=90_000))
        services.people.link(tx, oa, [Link(f"61424948230000000{oa[-2:]}", "+84978001001")], source="test")
        tx.execute(text("UPDATE followers SET last_interaction_at = now()"))
    return services


def record(services: Services, number: int, first: int = 0) -> None:
    """So many notices, each of a dossier of its own, due now."""
    now, oa = datetime.now(UTC), services.oa
    with services.ledger.begin() as tx:
        person = services.people.ids(tx, oa, ["+84978001001"])["+84978001001"]
        keys = [f"H27-{place}/result_ready/1" for place in range(first, first + number)]
        new = [NewNotice(k, k.split("/")[0], "result_ready", None, {}, person, None, now, now) for k in keys]
        notices.record(tx, oa, new)


def states(services: Services) -> dict[str, int]:
    """How many notices of this OA are in which state."""
    with services.ledger.connect() as connection:
        query = text("SELECT state, count(*) FROM notices WHERE oa = :oa GROUP BY state")
        return {row.state: row.count for row in connection.execute(query, {"oa": services.oa})}


def turn_until(pump: Pump, what: Callable[[], bool], seconds: float = 10) -> None:
    """Turn the pump until that is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came to that"
        pump.turn()


def column(services: Services, sql: str) -> list[Any]:
    """The first column of an answer of the ledger."""
    with services.ledger.connect() as connection:
        return list(connection.execute(text(sql)).scalars())
