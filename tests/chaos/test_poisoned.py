"""Incident 35: one key or message after another is spoiled; nothing stops for good, and no stop goes unnamed."""

from __future__ import annotations

import random
import time

import pytest
import redis

from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS
from tests.chaos.verdict import promised
from tests.coordination.poison import poison

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(max(TEST_SECONDS, 1500))]

_SECONDS = 15.0 if SHORT else 900.0
_PAUSE = 3.0
_SILENT = 15.0  # a stop that is shorter is none
_JUNK = ("", "{}", "[1,2", "\0\0", '{"body": "!!", "properties": {}}', '{"headers": {"task": "os.system"}}')


def test_35_random_poisonings_one_after_another(begin: Begin) -> None:
    run = begin(changes={"HCC_STUCK_SECONDS": "10"})
    steps = int(_SECONDS / _PAUSE)
    end, told, last = time.monotonic() + _SECONDS, 0, time.monotonic()
    while time.monotonic() < end:
        run.load.feed(min(max(1, run.dossier_count // (2 * steps)), run.dossier_count - len(run.load.fed)))
        how = _spoil(run, run.dice)
        time.sleep(_PAUSE)  # the time that the poison has, not a wait for anything
        now = run.zalo.stats()["accepted"]
        if now > told or not _waiting(run):
            told, last = now, time.monotonic()
        elif time.monotonic() - last > _SILENT:
            done = run.hcc("doctor")
            assert done.returncode == 1, f"after {how} nothing leaves, and the doctor says that all is well"
            print(f"after {how}: {[line.strip() for line in done.stdout.splitlines() if '✗' in line]}")
    run.feed()
    run.last_blow = time.monotonic()
    promised(run.verdict())


def _spoil(run: Run, dice: random.Random) -> str:
    """One key of ours, or a message on one of the queues."""
    with redis.Redis.from_url(run.servers.redis_url(), decode_responses=True) as client:
        if dice.random() < 0.3 or not client.keys("hcc:*"):
            queue, junk = dice.choice(("deliver", "poll", "upkeep")), dice.choice(_JUNK)
            if client.type(queue) in ("none", "list"):
                client.lpush(queue, junk)
            return f"{junk!r} on {queue}"
        return poison(client, dice)


def _waiting(run: Run) -> int:
    return int(run.scalar("SELECT count(*) FROM notices WHERE state = 'due' AND due_at < now()"))
