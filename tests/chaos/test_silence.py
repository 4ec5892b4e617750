"""Incidents 22 and 27: the network to Zalo is silent for a while, and Zalo carries out late."""

from __future__ import annotations

import time

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.dossiers import KINDS
from tests.chaos.networks import SILENT
from tests.chaos.scale import PATIENCE, SHORT, TEST_SECONDS
from tests.chaos.verdict import promised
from tests.chaos.world import DEFAULTS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_SILENT_SECONDS = [20] if SHORT else [20, 30, 40, 60, 90]
_AGAIN_SECONDS = 30.0  # after a fault, for all that is not in doubt
_IN_DOUBT = "SELECT coalesce(array_agg(text), '{}') FROM notices WHERE state = 'uncertain'"


@pytest.mark.parametrize("network", SILENT)
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
    run.last_blow = time.monotonic()
    freed_in = run.freed(PATIENCE)
    verdict = run.verdict()
    late = [message for message in run.zalo.messages(since=seen) if message["text"] in given_up]
    print(f"silent for {seconds} s: {len(given_up)} given up meanwhile, {len(late)} of them arrived afterwards;")
    print(f"all that was not in doubt was told {freed_in:.1f} s after the silence")
    promised(verdict)
    assert verdict.doubted > 0
    assert late == [], "a connection that was given up left its bytes to the kernel"
    assert freed_in < _AGAIN_SECONDS
