"""Clocks apart, with real processes: a worker that is minutes off works, one that is further off is heard of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operators.processes import Processes
from tests.journeys.conftest import World, until
from tests.journeys.test_bad_input import hcc

pytestmark = pytest.mark.journey

_SHIFTED = Path(__file__).parents[1] / "chaos" / "shifted_clock"
_WORKER = "celery -A worker.app worker --loglevel INFO"


def start_worker_ahead(world: World, running: Processes, folder: Path, seconds: float) -> None:
    """A worker on a host whose clock is off."""
    clock = folder / "clock"
    clock.write_text(str(seconds))
    running.start("worker", f"env PYTHONPATH={_SHIFTED} HCC_CHAOS_CLOCK={clock} {_WORKER}")


@pytest.mark.parametrize("seconds", [8, -180])
def test_a_worker_whose_clock_is_three_minutes_off_tells_everything(
    world: World, tmp_path: Path, seconds: float
) -> None:
    """It did nothing at all from eight seconds on; and the doctor names its host."""
    world.follow(1)
    running = world.start("beat")
    start_worker_ahead(world, running, tmp_path, seconds)
    world.accept(1)
    world.messages(1)
    ended = hcc(world, "doctor")
    assert ended.returncode == 1
    assert re.search(rf"worker \S+ {'nhanh' if seconds > 0 else 'chậm'} \d", ended.stdout)
    assert "bells are dropped" not in running.log("worker").read_text()


def test_a_worker_that_is_a_quarter_of_an_hour_ahead_says_why_it_does_nothing(world: World, tmp_path: Path) -> None:
    """At ERROR, once, and the doctor names it although it has heard no bell."""
    running = world.start("beat")
    start_worker_ahead(world, running, tmp_path, 900)
    until(lambda: "bells are dropped" in running.log("worker").read_text(), "the worker to say so", world=world)
    ended = hcc(world, "doctor")
    assert ended.returncode == 1
    assert "nhanh 9" in ended.stdout
    told = [line for line in running.log("worker").read_text().splitlines() if "bells are dropped" in line]
    assert len(told) == 1
    assert " ERROR " in told[0]
