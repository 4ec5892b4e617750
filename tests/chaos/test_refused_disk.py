"""Incident 34: the disk under the log is full; nobody ends for want of a line."""

from __future__ import annotations

import time

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.scale import TEST_SECONDS
from tests.chaos.verdict import all_told
from tests.chaos.world import LONG_TIMEOUTS, WORKERS, free_port, listens

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_NO_ROOM = "bash -c 'ulimit -f 4 && exec {command}'"  # KiB of each file: what is more is refused, as by a full disk
_WORKER = "celery -A worker.app worker -n {name}@%h --concurrency 2 --loglevel DEBUG"
_BEAT = "celery -A worker.app beat --loglevel DEBUG"


def test_34_a_log_that_takes_nothing_keeps_nobody_from_their_work(begin: Begin) -> None:
    """Incident 34: after a few lines every other one is refused."""
    run = begin(processes=(), changes=LONG_TIMEOUTS)
    for name in WORKERS:
        run.start(name, _NO_ROOM.format(command=_WORKER.format(name=name)), HCC_LOG_LEVEL="DEBUG")
    run.start("beat", _NO_ROOM.format(command=_BEAT), HCC_LOG_LEVEL="DEBUG")
    port = free_port()
    run.start("web", _NO_ROOM.format(command=f"hcc web --port {port}"))
    run.until(lambda: listens(port), "the web process")
    for _ in run.portions(2):
        pass
    run.last_blow = time.monotonic()
    all_told(run.verdict())
    assert run.logs.joinpath("first.log").stat().st_size == 4 * 1024, "the log was not full"
    assert {name: process.poll() for name, process in run.running.items()} == dict.fromkeys(run.running)
