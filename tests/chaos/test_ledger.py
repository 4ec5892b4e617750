"""Incidents 23 and 24: the ledger goes back, by a fail-over that loses commits and by a restore of an hour ago."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.servers.backups import dump, restore
from tests.chaos.conftest import Begin
from tests.chaos.dossiers import KINDS, ago
from tests.chaos.run import Run
from tests.chaos.scale import NOTICES, PATIENCE, SHORT, TEST_SECONDS
from tests.chaos.verdict import nothing_wrong, promised
from tests.chaos.world import WORKERS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_HOUR = 3600.0
_LOAD_SECONDS = 6  # so long the whole load takes at the limit: a fail-over must find work before, within and after it


@pytest.mark.parametrize("seconds", [1.0] if SHORT else [0.2, 1.0])
def test_23_the_ledger_fails_over_and_has_lost_the_last_moment(begin: Begin, seconds: float) -> None:
    """Incident 23: the ledger's server dies, its standby takes over, and the last commits had not reached it.

    Claims and results of that moment are gone, and so are notices that had been recorded and perhaps told.
    """
    run = begin(replicated=True, changes={"HCC_ZALO_RATE_PER_MINUTE": str(NOTICES * 60 // _LOAD_SECONDS)})
    assert run.pair is not None
    run.load.feed(run.dossier_count * 3 // 4)
    run.reach(max(1, int(len(run.load.fed) * run.dice.uniform(0.2, 0.8))))
    run.feed()  # found by the next poll: what that records is lost with the rest
    run.pair.hold_back()
    before = run.zalo.stats()["accepted"]
    time.sleep(seconds)
    told = run.zalo.stats()["accepted"] - before
    run.pair.fail_over()
    run.last_blow = time.monotonic()
    verdict = run.verdict()
    print(f"lost {seconds} s of commits, in which {told} notices were told")
    promised(verdict)
    assert told > 0, "nothing was told in the moment that was lost"


def test_24_the_ledger_is_restored_from_an_hour_ago(begin: Begin, tmp_path: Path) -> None:
    """Incident 24: an hour of the ledger is gone, and its tellings are not; no worker runs while it is put back.

    What the backup has as not told was told since, and what was found since will be found again.
    """
    run = begin()
    run.load.feed(run.dossier_count // 2, at=ago(minutes=120))
    run.reach(max(1, int(len(run.load.fed) * run.dice.uniform(0.5, 2.0))))
    dump(run.servers.postgres, "hcc", tmp_path / "backup")
    known = len(run.load.fed) * len(KINDS)
    run.load.feed(run.dossier_count - len(run.load.fed), at=ago(minutes=40))
    run.until(lambda: run.zalo.stats()["accepted"] == run.notices, "everything to be told", PATIENCE)
    for name in list(run.running):
        run.stop(name)
    since = _put_back(run, tmp_path / "backup")
    check = run.hcc("restore", "--check", "--since", since, "--by", "chaos", "--why", "the disk is gone")
    assert check.returncode == 0, check.stderr
    for name in (*WORKERS, "beat"):
        run.start(name)
    run.last_blow = time.monotonic()
    verdict = run.verdict()
    listed = json.loads(run.hcc("quarantine", "list", "--json").stdout)
    print(f"an hour is gone: {known} notices were known to the backup, {run.notices - known} not;")
    print(f"{verdict.doubted} were doubted, {len(listed)} are quarantined and listed")
    nothing_wrong(verdict)
    assert verdict.accepted == run.notices
    assert verdict.doubted > 0
    # What is found again is kept back, or is known by its words in the conversation to have been told.
    assert {row["event_key"] for row in listed} == {
        key for key, state in run.states().items() if state == "quarantined"
    }
    if not SHORT:
        assert (verdict.uncertain, verdict.held) == (0, 0), str(verdict)


def _put_back(run: Run, backup: Path) -> str:
    """Restore the ledger as it was an hour ago; returns from when (ISO). Zalo has an hour of talk behind it."""
    restore(run.servers.postgres, "hcc", backup)
    run.pass_time(_HOUR)
    newest: datetime = run.scalar("SELECT max(at) FROM history")
    return newest.isoformat()
