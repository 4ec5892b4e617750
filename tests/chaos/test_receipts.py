"""Incident 7: receipts that overtake our own record, come twice, and come late."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import PATIENCE, TEST_SECONDS
from tests.chaos.verdict import all_told
from tests.chaos.world import LONG_TIMEOUTS, SEND, free_port, listens

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_WITHHELD_MS = 500  # Zalo tells of the delivery first, and answers the send so much later
_STEPS_BACK = """
SELECT count(*) FROM history
WHERE before IN ('sent', 'delivered', 'seen') AND (before, after) NOT IN
    (('sent', 'delivered'), ('sent', 'seen'), ('delivered', 'seen'))
"""
_NOT_RECORDED = "SELECT count(*) FROM notices WHERE state = 'sending' AND text = :words"


def test_07_receipts_overtake_our_record_come_twice_and_come_late(begin: Begin) -> None:
    """Incident 7: each receipt counts, whenever it comes; web is killed in the middle; no state goes back."""
    run = begin(latency_ms=20, changes=LONG_TIMEOUTS)
    port = free_port()
    hook = f"http://127.0.0.1:{port}/hooks/zalo"
    web = f"hcc web --port {port}"
    run.start("web", web)
    run.until(lambda: listens(port), "the web process")
    run.zalo.fault("delay", ms=_WITHHELD_MS, path=SEND, when="after")
    run.feed()
    told: list[dict[str, Any]] = []
    overtaken = 0
    while len(told) < run.notices:
        fresh = run.zalo.messages(since=told[-1]["seq"] if told else 0, wait=30)
        assert fresh, "Zalo accepts nothing any more"
        for message in reversed(fresh):  # the newest first: its answer is still withheld
            receipts(run, hook, message)
            overtaken += run.scalar(_NOT_RECORDED, words=message["text"])
        if len(told) < run.notices // 3 <= len(told) + len(fresh):
            run.kill("web")
            run.start("web", web)
        told += fresh
    run.last_blow = time.monotonic()
    all_told(run.verdict())
    seen = "SELECT count(*) FROM notices WHERE state = 'seen'"
    run.until(lambda: run.scalar(seen) == run.notices, "every receipt to count", PATIENCE)
    for message in told[:10]:
        tell(run, hook, "user_received_message", message)  # much too late
    time.sleep(2.0)
    assert run.scalar(seen) == run.notices
    assert run.scalar(_STEPS_BACK) == 0
    assert overtaken > 0, "no receipt overtook our record"


def receipts(run: Run, hook: str, message: dict[str, Any]) -> None:
    """Delivered and seen, in any order, twice each."""
    kinds = ["user_received_message", "user_seen_message"] * 2
    run.dice.shuffle(kinds)
    for kind in kinds:
        tell(run, hook, kind, message)


def tell(run: Run, hook: str, kind: str, message: dict[str, Any]) -> None:
    """One event; again until it was taken, as Zalo does."""
    order = {"user_id": message["user_id"], "message_id": message["message_id"]}
    run.until(lambda: run.zalo.event(kind, hook, **order)["statuses"] == [200], f"{kind} to be taken")
