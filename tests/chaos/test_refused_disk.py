"""Incident 34: the disk under the log is full; nobody ends for want of a line."""

from __future__ import annotations

import time

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.scale import TEST_SECONDS
from tests.chaos.verdict import all_told
from tests.chaos.world import WORKERS, free_port, listens

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_NO_ROOM = ">/dev/full 2>&1"
_WORKER = "celery -A worker.app worker -n {name}@%h --concurrency 2 --loglevel DEBUG " + _NO_ROOM
_BEAT = "celery -A worker.app beat --loglevel DEBUG " + _NO_ROOM


def test_34_a_log_that_takes_nothing_keeps_nobody_from_their_work(begin: Begin) -> None:
    """Incident 34: every line is refused, from the first one on."""
    run = begin(processes=())
    for name in WORKERS:
        run.start(name, _WORKER.format(name=name))
    run.start("beat", _BEAT)
    port = free_port()
    run.start("web", f"hcc web --port {port} {_NO_ROOM}")
    run.until(lambda: listens(port), "the web process")
    for _ in run.portions(2):
        pass
    run.last_blow = time.monotonic()
    all_told(run.verdict())
    assert {name: process.poll() for name, process in run.running.items()} == dict.fromkeys(run.running)
