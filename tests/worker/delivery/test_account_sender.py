"""What the state of one OA in the pump promises: help is called when a flood begins, and rarely while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import Any

import pytest

from domain.lane import Lane
from worker.channels.channel import Ready
from worker.delivery import account_sender
from worker.delivery.account_sender import AccountSender
from worker.delivery.deliver import Batch

TICK = 0.05


class AtOnce(Executor):
    """Runs each deed in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *words: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*words, **more))
        return done


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A monotonic clock that the test moves, and a ledger in which there is always more to send."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(account_sender, "ready_channels", lambda _: {"zalo_cs": Ready("token")})
    monkeypatch.setattr(account_sender, "first_lane", lambda _: Lane.SERVICE)
    monkeypatch.setattr(account_sender, "load_batch", lambda _, __, ___, most: Batch(most))
    return clock


def flood(clock: SimpleNamespace, sender: AccountSender, seconds: float) -> None:
    for _ in range(round(seconds / TICK)):
        clock.now += TICK
        sender.claim(100)


def test_help_is_called_at_the_start_of_a_flood_and_rarely_while_it_lasts(clock: SimpleNamespace) -> None:
    """A call that finds everybody busy costs each process a bell, so a long flood calls once in 1.6 seconds."""
    called: list[float] = []
    limiter = SimpleNamespace(peek=lambda _, most, **__: SimpleNamespace(granted=most))
    settings = SimpleNamespace(zalo_connections=100)
    services: Any = SimpleNamespace(settings=settings, limiter=limiter, limits=lambda _: None)
    sender = AccountSender(services, "1", AtOnce(), lambda: None, lambda: called.append(clock.now))
    sender.ask()
    flood(clock, sender, 1.0)
    assert len(called) >= 2
    called.clear()
    flood(clock, sender, 16.0)
    assert 9 <= len(called) <= 11
    sender.asked = False  # the flood is over
    sender.ask()
    called.clear()
    flood(clock, sender, 1.0)
    assert len(called) >= 2
