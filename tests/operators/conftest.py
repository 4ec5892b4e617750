"""What tests of whole commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner, Result

from operators.cli.main import hcc
from tests.operators.checkouts import copy_to

OA = "4024926008133882615"
NOBODY = "postgresql://x@127.0.0.1:1/x"


class Run(Protocol):
    """Runs a command of `hcc` in this process; `lines` are its input."""

    def __call__(self, *words: object, lines: str = "") -> Result: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, ledger_url: str, redis_url: str) -> Run:
    """Commands on this test's servers; nobody answers for the dossier database."""
    given = {
        "DATABASE_URL": ledger_url, "DOSSIER_URL": NOBODY, "REDIS_URL": redis_url, "ZALO_OA_ID": OA,
        "ZALO_APP_ID": "1", "SECRET_KEYS": "0123456789abcdef",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    return lambda *words, lines="": CliRunner().invoke(hcc, [str(word) for word in words], input=lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project."""
    return copy_to(tmp_path / "copy")
