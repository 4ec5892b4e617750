"""Incident 25: a process stands still (SIGSTOP, a paused machine, swapping) for longer than it may hold its notices."""

from __future__ import annotations

import os
import platform
import signal
import time
from pathlib import Path

import pytest

from tests.chaos.ageing import age_doubts, age_witnesses
from tests.chaos.blows import stands_still
from tests.chaos.conftest import Begin
from tests.chaos.instants import CONNECTED, CONNECTING, INSTANTS
from tests.chaos.run import Run
from tests.chaos.scale import BLOWS, SHORT, TEST_SECONDS
from tests.chaos.verdict import heard, promised

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_PAUSES = [list(INSTANTS)] if SHORT else [[instant] * BLOWS for instant in INSTANTS]
_HELD = """
SELECT coalesce(array_agg(n.id), '{}') FROM notices n WHERE n.state = 'sending' AND (
    SELECT h.by FROM history h WHERE h.notice_id = n.id AND h.after = 'sending' ORDER BY h.id DESC LIMIT 1
) = :name
"""
_RUNNING = "SELECT count(*) FROM notices WHERE id = ANY(:ids) AND state = 'sending' AND lease_until > clock_timestamp()"
_OPEN = "SELECT count(*) FROM notices WHERE id = ANY(:ids) AND state IN ('sending', 'due', 'uncertain')"
_LAST_LOOK_SECONDS = 200.0
_PATIENCE = 60.0


@pytest.mark.parametrize("instants", _PAUSES, ids=lambda instants: "each" if SHORT else instants[0])
def test_25_a_process_stands_still_for_longer_than_its_lease(begin: Begin, tmp_path: Path, instants: list[str]) -> None:
    """Incident 25: others rescue what it holds, and send it where that is certain; then it goes on where it stood."""
    run = begin(app="tests.chaos.pausing", changes={"HCC_CHAOS_PAUSES": str(tmp_path)})
    for left in range(len(instants), 0, -1):
        instant = instants[-left]
        if instant == CONNECTING or (instant == CONNECTED and left % 2):  # no connection is kept
            run.zalo.down()
            run.zalo.up()
        (tmp_path / instant).touch()
        run.load.feed((run.dossier_count - len(run.load.fed)) // left)
        pid = _paused_at(run, tmp_path, instant)
        held = run.scalar(_HELD, name=f"worker {platform.node()}/{pid}")
        run.struck += len(held)
        _let_others_end(run, held)
        os.kill(pid, signal.SIGCONT)
        run.last_blow = time.monotonic()
        run.until(run.only_doubts_left, "the rest to be told", 60.0)
        twice = heard(run.load.fed, run.zalo.messages(), run.states()).sent_twice
        print(f"stood still when {INSTANTS[instant]}: {len(held)} notices in hand; sent twice so far: {twice}")
    promised(run.verdict())
    assert run.struck > 0


def _let_others_end(run: Run, held: list[int]) -> None:
    """Wait until others have brought to an end all that a process holds which stands still, doubts and all.

    The lease ends by itself. The last look comes after minutes, for which nobody waits here.
    """
    run.until(lambda: run.scalar(_RUNNING, ids=held) == 0, "the lease to end")
    end = time.monotonic() + _PATIENCE
    while run.scalar(_OPEN, ids=held):
        assert time.monotonic() < end, "others do not take over"
        run.ring("worker.sweep")
        with run.services.ledger.begin() as tx:
            age_doubts(tx, _LAST_LOOK_SECONDS)
        age_witnesses(run.settings.redis_url, _LAST_LOOK_SECONDS)
        run.ring("worker.settle")
        time.sleep(0.5)


def _paused_at(run: Run, folder: Path, instant: str) -> int:
    """Wait until a process stands still there; its id."""
    run.until(lambda: any(folder.glob(f"{instant}.*")), f"a process to come to the instant {instant!r}")
    [taken] = folder.glob(f"{instant}.*")
    pid = int(taken.suffix.removeprefix("."))
    run.until(lambda: stands_still(pid), "it to stand still")
    taken.unlink()
    return pid
