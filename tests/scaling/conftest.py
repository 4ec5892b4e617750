"""What the tests of scaling out share: the world of the journeys, and bells of this process that ring elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.journeys.conftest import world
from tests.worker.wire.conftest import certificate

__all__ = ["certificate", "world"]


@pytest.fixture
def ring_at(bells: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let this process's bells ring by other settings, until the test ends."""

    def ring(**settings: str) -> None:
        bells()
        for name, value in settings.items():
            monkeypatch.setenv(f"HCC_{name.upper()}", value)

    return ring
