"""What the tests of scaling out share: the world of the journeys, and bells of this process that ring elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contracts.conftest import certificate
from tests.journeys.conftest import world
from worker.queue import bell

__all__ = ["certificate", "world"]


@pytest.fixture
def ring_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let this process's bells ring by other settings, until the test ends."""

    def forget() -> None:
        if bell.ringer.cache_info().currsize:
            bell.ringer().close()
        bell.ringer.cache_clear()
        bell._redis.cache_clear()

    def ring(**settings: str) -> None:
        forget()
        for name, value in settings.items():
            monkeypatch.setenv(f"HCC_{name.upper()}", value)

    yield ring
    forget()
