"""Zalo is asked, not believed: the doctor tries the token, and an import does not replace a good pair by a bad one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from operators.checks.fault import CheckFault
from operators.checks.zalo import check_token
from operators.cli.main import hcc
from tests.journeys.conftest import World, world

__all__ = ["world"]
OF_NOBODY = {"access_token": "no-such-access", "refresh_token": "no-such-refresh", "expires_in": "90000"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, world: World) -> Callable[..., Result]:
    """Run `hcc` in this process, in this test's world."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return lambda *words, given: CliRunner().invoke(hcc, list(words), input=json.dumps(given))


def token(world: World) -> Any:
    """The doctor's line about the token."""
    return list(check_token(world.services))


def test_a_token_that_zalo_takes_is_fine_and_one_that_it_turns_away_is_a_fault(world: World) -> None:
    assert token(world) == ["Zalo nhận cặp token thứ 1"]
    world.zalo.fault("error", code=-216, path="/v2.0/oa/getoa")
    with pytest.raises(CheckFault, match="Zalo không nhận token"):
        token(world)


def test_a_zalo_that_is_not_reached_is_a_fault_with_its_cause(world: World) -> None:
    world.services.settings = world.settings(zalo_openapi_url="http://127.0.0.1:1")
    with pytest.raises(CheckFault, match="không hỏi được Zalo"):
        token(world)


def test_a_pair_that_zalo_turns_away_does_not_replace_one_that_works(world: World, run: Callable[..., Result]) -> None:
    refused = run("oa", "import", given=OF_NOBODY)
    assert refused.exit_code == 1
    assert "giữ nguyên cặp token đang có" in refused.output
    assert token(world) == ["Zalo nhận cặp token thứ 1"]
    assert run("oa", "import", given=world.zalo.mint_tokens()).exit_code == 0
    assert token(world) == ["Zalo nhận cặp token thứ 2"]
