"""Incident 32: the dossier database falls silent, and with it whoever asks it something."""

from __future__ import annotations

import pytest

from tests.chaos.blows import members
from tests.chaos.conftest import Begin
from tests.chaos.refusals import Refusal, play
from tests.chaos.run import Run
from tests.chaos.scale import CHILDREN, SHORT, TEST_SECONDS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_SECONDS = 62 if SHORT else 130  # Celery ends a process whose task takes 55 s


def _silence(run: Run) -> None:
    run.far.silence()


def _speak(run: Run) -> None:
    run.far.speak()


SILENT = Refusal("silent", _silence, _speak, "không kết nối được CSDL hồ sơ", {"dossiers_afar": True})


def test_32_the_dossier_database_falls_silent_and_no_child_is_killed(begin: Begin) -> None:
    """Incident 32: with one OA, too, the query is broken off; what was found before is told meanwhile."""
    run = begin(**SILENT.begins)
    run.until(lambda: all(len(members(run.running[name].pid)) == 1 + CHILDREN for name in run.workers), "the children")
    children = {name: set(members(run.running[name].pid)) for name in run.workers}
    play(run, SILENT, _SECONDS)
    assert {name: set(members(run.running[name].pid)) for name in run.workers} == children
    assert "TimeLimitExceeded" not in "".join(run.logs.joinpath(f"{name}.log").read_text() for name in run.workers)
