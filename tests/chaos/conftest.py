"""A world of its own for each scenario: killing its servers disturbs nobody else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.run import Run


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """A running world with nothing to do yet; gone with the test."""
    logs = Path(tempfile.mkdtemp(prefix="hcc-chaos-"))
    try:
        with Run(request.node.name.removeprefix("test_"), logs) as started:
            yield started
    finally:
        shutil.rmtree(logs, ignore_errors=True)
