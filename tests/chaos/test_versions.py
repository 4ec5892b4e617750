"""Incident 28: an earlier version's ledger, Redis and var/ are taken over, and workers of both run side by side."""

from __future__ import annotations

import io
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.chaos.blows import Struck, members, strike
from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS
from tests.chaos.verdict import promised

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

EARLIER = "9b0a479"
_TOLD_BY = "SELECT count(*) FROM history WHERE after = 'sent' AND by = ANY(:names)"
_OLD, _NEW = ("first", "second"), ("third", "fourth")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The tree of the earlier version."""
    try:
        archive = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the history does not hold the commit {EARLIER}: a shallow copy, or no git")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "earlier", filter="data")
    return tmp_path / "earlier"


def test_28_workers_of_two_versions_work_on_one_ledger(begin: Begin, earlier: Path) -> None:
    """Incident 28: an upgrade in the midst of the work, worker by worker, with some of either version killed."""
    # Few calls at a time, so that there is work for every process.
    run = begin(made_by=earlier, processes=(), latency_ms=400, changes={"HCC_ZALO_CONNECTIONS": "4"})
    for name in (*_OLD, "beat"):
        run.start(name, tree=earlier)
    names: dict[Sequence[str], set[str]] = {_OLD: set(), _NEW: set()}
    for portion in run.portions(3 if SHORT else 9, at=(0.1, 0.3)):
        if portion == 0:
            upgraded = run.hcc("migrate")
            assert upgraded.returncode == 0, upgraded.stderr
            for name in _NEW:
                run.start(name)
            run.until(lambda: all(_is_ready(run, name) for name in _NEW), "the new workers to be ready")
        else:
            _note_names(run, names)
            _kill_one(run, earlier)
    verdict = run.verdict()
    _note_names(run, names)
    told = {workers: run.scalar(_TOLD_BY, names=sorted(of_them)) for workers, of_them in names.items()}
    print(f"told by workers of {EARLIER}: {told[_OLD]}, by those of now: {told[_NEW]}")
    promised(verdict)
    assert all(told.values())


def _is_ready(run: Run, worker: str) -> bool:
    return " ready." in (run.logs / f"{worker}.log").read_text()


def _note_names(run: Run, names: dict[Sequence[str], set[str]]) -> None:
    """By which names history knows the processes of the workers that run now."""
    for workers, of_them in names.items():
        pids = [pid for name in workers for pid in members(run.running[name].pid)]
        of_them |= {f"worker {platform.node()}/{pid}" for pid in pids}


def _kill_one(run: Run, earlier: Path) -> None:
    """Kill -9 a worker of either version at work; another one of its version starts."""

    def deed(struck: Struck) -> None:
        for name in struck.workers:
            run.kill(name)

    for name in strike(run, deed, one=True).workers:
        run.start(name, tree=earlier if name in _OLD else None)
