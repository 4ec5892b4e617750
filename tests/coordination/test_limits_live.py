"""The shared limit as it is: processes, the wall clock, and a server that is killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from os import kill
from pathlib import Path

import pytest

from coordination.connection import QueueDown, open_redis
from coordination.limits import Limit, Limiter
from coordination.marks import EpochLost, Marks, departure
from coordination.pace import BURST_SECONDS, WINDOW_SECONDS
from sandbox.servers.valkey import Valkey
from tests.coordination.traffic import Arrivals

SECONDS = 4.0
WORKER = """
import sys, time
from coordination.connection import open_redis
from coordination.limits import Limit, Limiter
limiter, limits = Limiter(open_redis(sys.argv[1])), [Limit("app:1", int(sys.argv[2]))]
end = time.time() + float(sys.argv[3])
while time.time() < end:
    grant = limiter.take(limits, 200)
    if grant.granted:
        print(time.time_ns() // 1000, grant.granted)
    time.sleep(grant.wait_seconds)
"""


@pytest.fixture
def own_server() -> Iterator[Valkey]:
    """A server of this test's own, to be killed."""
    folder = Path(tempfile.mkdtemp())
    server = Valkey(folder / "valkey")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.mark.parametrize("per_minute", [600, 6000])
def test_four_processes_use_the_whole_limit_and_no_more(redis_url: str, per_minute: int) -> None:
    """For as long as a test may last: the pace is kept to the permit, from the first one on."""
    command = [sys.executable, "-c", WORKER, redis_url, str(per_minute), str(SECONDS + 2)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    out = Arrivals()
    for worker in workers:
        lines, _ = worker.communicate(timeout=60)
        for line in lines.splitlines():
            at, count = map(int, line.split())
            out.add(at, count)
    out.log.sort()
    fair = SECONDS * per_minute / WINDOW_SECONDS
    assert fair * 0.99 - 1 <= out.within(out.first, SECONDS) <= fair + 1 + BURST_SECONDS * per_minute / WINDOW_SECONDS


def take_for(limiter: Limiter, limit: Limit, seconds: float) -> int:
    """Take all there is for so long; how many that were."""
    end, taken = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        grant = limiter.take([limit], 200)
        taken += grant.granted
        time.sleep(min(grant.wait_seconds, max(0.0, end - time.monotonic())))
    return taken


def test_a_killed_server_forgets_its_last_second_and_the_limit_holds(own_server: Valkey) -> None:
    """The append-only file may lack what was granted last: the new life begins in debt, not with a burst."""
    limiter, limit = Limiter(open_redis(own_server.url(0))), Limit("app:1", 6000)
    begin = time.monotonic()
    taken = take_for(limiter, limit, 1.5)
    assert own_server.pid
    kill(own_server.pid, signal.SIGKILL)
    with pytest.raises(QueueDown):
        limiter.take([limit], 1)
    own_server.start()
    restarted = time.monotonic()
    while not (grant := limiter.take([limit], 1)).granted:
        time.sleep(grant.wait_seconds)
    assert time.monotonic() - restarted >= BURST_SECONDS
    taken += 1 + take_for(limiter, limit, 1.0)
    assert taken <= 1 + (time.monotonic() - begin) * limit.per_minute / WINDOW_SECONDS


def test_marks_of_a_server_that_was_restarted_say_that_all_may_have_left(own_server: Valkey) -> None:
    """Also where its file brought the epoch back; and under that epoch nothing leaves any more."""
    store = open_redis(own_server.url(0))
    marks = Marks(store)
    epoch = marks.epoch()
    for lease in ("early", "late"):
        marks.begin(lease, epoch)
    marks.leave("early", epoch, [departure(1, "one", None)])
    assert marks.left("early", epoch) == {1}
    own_server.stop()
    own_server.start()
    assert store.get("hcc:epoch") == epoch
    with pytest.raises(EpochLost, match="elsewhere"):
        marks.leave("late", epoch, [departure(2, "two", None)])
    assert marks.left("early", epoch) is None
    assert marks.left("late", epoch) is None
    again = marks.epoch()
    assert again != epoch
    marks.begin("new", again)
    marks.leave("new", again, [departure(4, "four", None)])
    assert marks.left("new", again) == {4}
