"""Incident 26: the clocks of workers, beat, ledger, Redis and Zalo are minutes apart, or jump."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.servers.clock import why_no_clock
from tests.chaos.clocks import BEAT, LEDGER, MOVABLE, REDIS, SERVERS, WORKERS, ZALO, Clocks
from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import NOTICES, PATIENCE, SHORT, TEST_SECONDS, whole_only
from tests.chaos.verdict import all_told, promised
from tests.chaos.world import LONG_TIMEOUTS, SEND

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_MINUTES = 180.0
_DAYS = 5 * 86_400.0  # longer than a notice is of use
_YEARS = 3 * 365 * 86_400.0  # longer than anything is kept
_LOAD_SECONDS = 8  # so long the whole load takes at the limit: a jump must find something to spoil
_LAST_LOOK_SECONDS = 200.0
_BROKEN = {"reset_after": 0.1, "reset_before": 0.05}

# Any two are three minutes apart at most; the ledger and Zalo are.
_ALL = {WORKERS: 50.0, BEAT: -100.0, LEDGER: 70.0, REDIS: -60.0, ZALO: -110.0}
_ALONE = [(WORKERS, 8.0)] + [(who, seconds) for who in _ALL for seconds in (_MINUTES, -_MINUTES)]
_no_clock = pytest.mark.skipif(not MOVABLE, reason=why_no_clock())


def _one(who: str, seconds: float) -> object:
    marks = [_no_clock] if who in SERVERS else []
    return pytest.param({who: seconds}, id=f"{who}{seconds:+.0f}", marks=marks)


_JUMPS = [(LEDGER, _DAYS), (LEDGER, -3600.0), (REDIS, _DAYS), (REDIS, -3600.0), (ZALO, -_MINUTES), (ZALO, _MINUTES)]
_APART = [pytest.param(_ALL, id="all"), *([] if SHORT else [_one(*alone) for alone in _ALONE])]


def _name(jumps: list[tuple[str, float]]) -> str:
    return "each" if len(jumps) > 1 else f"{jumps[0][0]}{jumps[0][1]:+.0f}"


@whole_only
@pytest.mark.parametrize("apart", _APART)
def test_26_clocks_are_minutes_apart(begin: Begin, tmp_path: Path, apart: dict[str, float]) -> None:
    """Incident 26: work is done as usual, and what was doubted is settled by looking, whichever clock is wrong."""
    run = begin(processes=(), movable_clocks=MOVABLE)
    clocks = Clocks(run, tmp_path)
    for who, seconds in apart.items():
        clocks.move(who, seconds)
    clocks.start()
    for kind, probability in _BROKEN.items():
        run.zalo.fault(kind, probability=probability, path=SEND, seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        run.until(run.only_doubts_left, "all that is not in doubt to be told", PATIENCE)
        run.zalo.clear_faults()
    _settle_by_looking(run)
    verdict = run.verdict()
    _say_what_stood(apart)
    all_told(verdict)
    assert verdict.doubted > 0


@pytest.mark.parametrize("jumps", [_JUMPS] if SHORT else [[jump] for jump in _JUMPS], ids=_name)
def test_26_a_clock_jumps_in_the_middle(begin: Begin, tmp_path: Path, jumps: list[tuple[str, float]]) -> None:
    """Incident 26: a clock is wrong for a moment, in which everything is swept, and right again; nothing is dropped."""
    rate = {"HCC_ZALO_RATE_PER_MINUTE": str(NOTICES * 60 // _LOAD_SECONDS)}
    run = begin(processes=(), movable_clocks=MOVABLE, changes=rate)
    clocks = Clocks(run, tmp_path)
    clocks.start()
    for number in run.portions(len(jumps)):
        who, seconds = jumps[number]
        clocks.move(who, seconds)
        _sweep(run)
        clocks.move(who, 0.0)
    verdict = run.verdict()
    _say_what_stood({who for who, _ in jumps})
    promised(verdict)
    assert run.scalar("SELECT count(*) FROM notices WHERE state = 'expired'") == 0


@_no_clock
def test_26_the_ledgers_clock_jumps_by_years_and_no_history_is_dropped(begin: Begin, tmp_path: Path) -> None:
    """Incident 26: housekeeping comes just then; what has been told is still known to have been told."""
    run = begin(movable_clocks=True, changes=LONG_TIMEOUTS)
    for _ in run.portions(1):
        run.until(lambda: set(run.states().values()) == {"sent"}, "all to be told, and recorded", PATIENCE)
    before = run.scalar(_KEPT)
    run.servers.postgres.move_clock(_YEARS)
    run.ring("worker.keep_house")
    _sweep(run)
    run.servers.postgres.move_clock(0.0)
    assert run.scalar(_KEPT) == before
    all_told(run.verdict())


_KEPT = "SELECT (SELECT count(*) FROM history) + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM notices)"


def _settle_by_looking(run: Run) -> None:
    """As if minutes had passed; the bells come as they do."""
    run.pass_time(_LAST_LOOK_SECONDS)
    run.until(lambda: "uncertain" not in run.states().values(), "the doubts to be settled", PATIENCE)


def _sweep(run: Run) -> None:
    """Every task that may give something up is done once more than beat rings for it."""
    for task in ("worker.sweep", "worker.settle", "worker.wake"):
        run.ring(task)
    run.until(lambda: run.unheard("upkeep") == 0, "the sweeps to be made")
    time.sleep(2.0)


def _say_what_stood(moved: object) -> None:
    if not MOVABLE:
        print(f"the clocks of {' and '.join(SERVERS)} stayed right: {why_no_clock()}")
    print(f"clocks that were wrong: {moved}")
