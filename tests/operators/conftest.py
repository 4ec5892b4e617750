"""What tests of whole commands have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operators.checkouts import copy_to


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project."""
    return copy_to(tmp_path / "copy")
