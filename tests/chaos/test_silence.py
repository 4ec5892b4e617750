"""Incidents 22 and 27: the network to Zalo is silent for a while, and Zalo carries out late."""

from __future__ import annotations

import time

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.dossiers import KINDS
from tests.chaos.networks import SILENT
from tests.chaos.run import Run
from tests.chaos.scale import PATIENCE, SHORT, TEST_SECONDS
from tests.chaos.verdict import promised
from tests.chaos.world import DEFAULTS, SEND

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_SILENT_SECONDS = [20] if SHORT else [20, 30, 40, 60, 90]
_AGAIN_SECONDS = 30.0  # after a fault, for all that is not in doubt
_KERNEL_SECONDS = 75.0  # a kernel sends again what left 90 s ago within 51 s; nobody else does before the last look
_LATE_SECONDS = [10] if SHORT else [60, 100]
_LOOKS = "/v2.0/oa/conversation"
_IN_DOUBT = "SELECT coalesce(array_agg(text), '{}') FROM notices WHERE state = 'uncertain'"


@pytest.mark.parametrize("network", SILENT[-1:] if SHORT else SILENT)
@pytest.mark.parametrize("seconds", _SILENT_SECONDS)
def test_22_zalo_is_silent_for_a_while(begin: Begin, network: str, seconds: int) -> None:
    """Incident 22: packets are lost both ways, nothing is refused, nothing is reset; our patience is the usual one.

    What was given up is not delivered by the kernel afterwards, and what is not in doubt does not wait for what is.
    """
    run = begin(network=network, changes=DEFAULTS)
    run.load.feed(run.dossier_count // 2)
    run.until(lambda: run.zalo.stats()["accepted"] == len(run.load.fed) * len(KINDS), "half of the load to be told")
    # From now on connections are kept: what leaves on them is lost, and so are the answers to what has left already.
    before = run.progress()
    run.load.feed(run.dossier_count // 8)
    run.reach(before + 1)
    run.silence()
    run.load.feed(run.dossier_count // 8)
    time.sleep(seconds / 2)
    run.feed()
    time.sleep(seconds / 2)
    given_up, seen = set(run.scalar(_IN_DOUBT)), run.zalo.messages()[-1]["seq"]
    run.speak()
    run.last_blow, ended_at = time.monotonic(), time.time()
    freed_in = run.freed(PATIENCE)
    verdict = run.verdict()
    late = [
        message
        for message in run.zalo.messages(since=seen)
        if message["text"] in given_up and message["at"] < ended_at + _KERNEL_SECONDS
    ]
    print(f"silent for {seconds} s: {len(given_up)} given up meanwhile, {len(late)} of them arrived afterwards;")
    print(f"all that was not in doubt was told {freed_in:.1f} s after the silence")
    promised(verdict)
    assert verdict.doubted > 0
    assert late == [], "a connection that was given up left its bytes to the kernel"
    assert freed_in < _AGAIN_SECONDS


def test_27_zalo_carries_out_when_we_have_long_given_up(begin: Begin) -> None:
    """Incident 27: some sends are carried out a minute and more after they came, with nobody there to hear of it.

    That a message is not in the conversation says nothing until nothing of ours can arrive any more.
    """
    run = begin()
    for number, seconds in enumerate(_LATE_SECONDS):
        kind = "late_reset" if number % 2 else "late"
        run.zalo.fault(kind, ms=seconds * 1000, probability=0.07, path=SEND, seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        run.until(run.only_doubts_left, "all that is not in doubt to be told", PATIENCE)
        put_off = sum(fault["hits"] for fault in run.zalo.faults())
        run.zalo.clear_faults()
    if SHORT:
        _let_looks_be_made(run, 60)  # as old as that
        _let_looks_be_made(run, 60)  # 120
    time.sleep(max(_LATE_SECONDS) + 1 - (time.monotonic() - run.last_blow))
    if SHORT:
        _let_looks_be_made(run, 80)  # 200: the last look
    verdict = run.verdict()
    print(f"{put_off} sends were carried out up to {max(_LATE_SECONDS)} s late")
    promised(verdict)
    assert 0 < put_off <= verdict.doubted


def _let_looks_be_made(run: Run, seconds: float) -> None:
    """As if the doubts were so much older: each that is one is looked at once more."""
    asked, doubts = run.zalo.stats()["requests"].get(_LOOKS, 0), len(run.scalar(_IN_DOUBT))
    run.pass_time(seconds)
    run.ring("worker.settle")
    run.until(lambda: run.zalo.stats()["requests"].get(_LOOKS, 0) >= asked + doubts, "the doubts to be looked at")
    time.sleep(1.0)  # what a look leads to wrongly is done at once
