"""A world under attack: real processes, genuine events and notices beside it, and what both came to."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from operators.processes import Processes
from producers.hooks.signature import signature
from tests.journeys.conftest import World, by_person, until, world
from tests.producers.hooks.conftest import from_user

__all__ = ["world"]

SECONDS = float(os.environ.get("HCC_ABUSE_SECONDS", "2"))
"""How long each attack lasts; `make abuse` takes more than the test suite."""

_PROPERTY = "abuse figure"
_EVERY = 0.1  # seconds between two genuine events
_IN_TIME = 2.0  # seconds: Zalo waits no longer
_LOG_A_MINUTE = 1_000_000  # bytes

Attack = Callable[["Siege"], None]


@dataclass
class Siege:
    """The processes and what is done to them."""

    world: World
    port: int
    processes: Processes
    over: threading.Event = field(default_factory=threading.Event)
    blows: int = 0

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.world.environment["HCC_REDIS_URL"], decode_responses=True)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=2)

    def until_over(self, blow: Callable[[], object], pause: float = 0.0) -> None:
        """Again and again; a connection that is refused or cut is what an attacker has to expect."""
        while not self.over.is_set():
            try:
                blow()
            except OSError:
                self.over.wait(0.01)
            self.blows += 1
            self.over.wait(pause)


@dataclass
class Figures:
    """What an attack came to."""

    attack: str
    seconds: float
    blows: int = 0
    slowest: float = 0.0
    statuses: set[int] = field(default_factory=set)
    events: int = 0
    told: int = 0
    log_bytes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.attack:<42} {self.blows:>8} blows  {self.events:>5} genuine events, the slowest"
            f" {self.slowest:5.2f} s  {self.told:>4} told once"
            f"  log {self.log_bytes / self.seconds * 60 / 1000:8.1f} kB a minute"
        )


class Genuine:
    """Zalo, as it goes on: an event each tenth of a second, signed, on a connection of its own each time."""

    def __init__(self, siege: Siege, figures: Figures) -> None:
        self._siege, self._figures = siege, figures
        self._secret = siege.world.environment["HCC_ZALO_OA_SECRET"]
        self._app = siege.world.environment["HCC_ZALO_APP_ID"]

    def run(self) -> None:
        number = 0
        while not self._siege.over.is_set():
            number += 1
            self._send(str(7_000_000_000_000_000_000 + number))
            self._siege.over.wait(_EVERY)

    def _send(self, user: str) -> None:
        stamp = str(int(datetime.now(UTC).timestamp() * 1000))
        oa = self._siege.world.oa
        raw = from_user("user_send_sticker", user, recipient={"id": oa}, app_id=self._app, timestamp=stamp)
        headers = {"X-ZEvent-Signature": "mac=" + signature(self._app, raw, stamp, self._secret)}
        began = time.monotonic()
        try:
            answer = requests.post(
                f"http://127.0.0.1:{self._siege.port}/hooks/zalo", data=raw, headers=headers, timeout=10
            )
            self._figures.statuses.add(answer.status_code)
        except requests.RequestException:
            self._figures.statuses.add(0)
        self._figures.slowest = max(self._figures.slowest, time.monotonic() - began)
        self._figures.events += 1


@pytest.fixture
def siege(world: World) -> Siege:
    """Worker, beat and web, at work."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world.environment["PORT"] = str(port)
    world.environment["HCC_LEASE_SECONDS"] = "5"
    processes = world.start("worker", "beat", "web")
    until(lambda: _listens(port), "the web process", 90, world)
    world.follow(1)
    world.accept(1)
    world.messages(1, seconds=60)
    return Siege(world, port, processes)


def _listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def survives(siege: Siege, request: pytest.FixtureRequest) -> Callable[..., Figures]:
    """Survives an attack: all are told once, no genuine event waits, every process lives, the log stays small."""

    def survived(attack: str, deed: Attack, *, people: range, doubts: bool = False) -> Figures:
        figures = Figures(attack, SECONDS)
        users = {number: siege.world.follow(number) for number in people}
        before, logs = siege.processes.pids(), _size(siege.world.logs)
        siege.over.clear()
        siege.blows = 0
        with _beside(siege, Genuine(siege, figures).run), _beside(siege, lambda: deed(siege)):
            began = time.monotonic()
            for number in people:
                siege.world.accept(number)
                siege.over.wait(SECONDS / len(people))
            siege.over.wait(max(0.0, SECONDS - (time.monotonic() - began)))
            figures.seconds = time.monotonic() - began
            siege.over.set()
        figures.blows, figures.log_bytes = siege.blows, _size(siege.world.logs) - logs
        _all_told(siege.world, users, doubts=doubts)
        figures.told = len(users)
        request.node.user_properties.append((_PROPERTY, str(figures)))
        assert siege.processes.ended() == {}
        assert siege.processes.pids() == before
        assert figures.statuses == {200}, figures
        assert figures.slowest < _IN_TIME, figures
        assert figures.blows > 0 < figures.events, figures
        assert figures.log_bytes < _LOG_A_MINUTE * max(1.0, figures.seconds / 60), figures
        return figures

    return survived


@contextmanager
def _beside(siege: Siege, deed: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=deed)
    thread.start()
    try:
        yield
    finally:
        siege.over.set()
        thread.join()


def _all_told(world: World, users: dict[int, str], *, doubts: bool) -> None:
    """Each of their notice, once, and nobody of another's; with `doubts`, who may have been told counts as told."""

    over = {"sent", "uncertain"} if doubts else {"sent"}

    def ended() -> bool:
        states = world.states()
        return all(states.get(f"H27.37-240219-{number:04}/accepted/1") in over for number in users)

    until(ended, "every notice to have left", 60, world)
    told = by_person(world.zalo.messages())
    for number, user in users.items():
        texts = [text for text in told.get(user, []) if "H27.37-240219-" in text]
        assert len(texts) == 1 or (doubts and not texts), (number, texts)
        assert all(f"H27.37-240219-{number:04}" in text for text in texts)


def _size(logs: Path) -> int:
    return sum(path.stat().st_size for path in logs.glob("*.log"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures, one line an attack."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    lines = [
        text
        for report in reports
        if report.when == "call"
        for name, text in report.user_properties
        if name == _PROPERTY
    ]
    if lines:
        terminalreporter.section("what the attacks came to")
        for line in lines:
            terminalreporter.write_line(line)
