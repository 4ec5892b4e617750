"""Incidents 3, 4, 12, 17 and 20: retries, visibility, quotas, clocks and limits, all of which mean waiting."""

from __future__ import annotations

import json
import time
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import redis

from config.celeryconfig import QUEUES
from coordination.pace import BURST_SECONDS, WINDOW_SECONDS
from tests.chaos.conftest import Begin
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS, whole_only
from tests.chaos.verdict import all_told, nothing_wrong, promised
from tests.chaos.world import LONG_TIMEOUTS, SEND

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_LATER = -214  # nothing was sent, it may work later
_NO_QUOTA = -211  # the quota of the OA is used up: the channel waits until the day is over
_LOOK_SECONDS = 0.1  # between two looks at what Zalo has accepted
_SWEEPS = 20 if SHORT else 200
# An attempt takes the stand-in's 150 ms at least.
_OVERLAPPING = """
SELECT count(*) FROM (
    SELECT at, lag(at + interval '150 ms') OVER (PARTITION BY notice_id ORDER BY at) AS ended
    FROM attempts) AS a
WHERE at < ended
"""


def test_03_sweeps_over_living_retries_add_none(begin: Begin) -> None:
    """Incident 3: a storm of sweeps and wakes while everything is being retried; each notice keeps its one chain."""
    run = begin(changes=LONG_TIMEOUTS | {"HCC_RETRY_BASE_SECONDS": "2", "HCC_RETRY_CAP_SECONDS": "2"})
    run.zalo.fault("error", code=_LATER, path=SEND)
    run.feed()
    run.until(lambda: run.scalar("SELECT count(*) FROM attempts") >= run.dossier_count, "everything to be retried")
    tried, began = run.scalar("SELECT count(*) FROM attempts"), time.monotonic()
    for _ in range(_SWEEPS):
        run.ring("worker.sweep")
    run.until(lambda: run.unheard("upkeep") < _SWEEPS / 10, "the sweeps to be made", 180.0)
    seconds = time.monotonic() - began
    tries = (run.scalar("SELECT count(*) FROM attempts") - tried) / run.dossier_count
    run.zalo.clear_faults()
    run.last_blow = time.monotonic()
    all_told(run.verdict())
    assert tries <= 1.5 * seconds + 1  # a full jitter over two seconds makes one try a second, however many sweeps
    requests = run.zalo.stats()["requests"][SEND]
    assert requests == run.scalar("SELECT count(*) FROM attempts") == run.scalar("SELECT sum(attempts) FROM notices")
    assert run.scalar(_OVERLAPPING) == 0


def test_04_waits_longer_than_the_visibility_timeout_double_nothing(begin: Begin) -> None:
    """Incident 4: the broker takes each message for lost after a second, while sends and retries take longer."""
    run = begin(app="tests.chaos.short_sighted", changes={"HCC_RETRY_BASE_SECONDS": "6", "HCC_RETRY_CAP_SECONDS": "6"})
    run.zalo.fault("delay", ms=1700, probability=0.05, path=SEND, seed=run.dice.randrange(2**31))
    run.zalo.fault("error", code=_LATER, probability=0.3, path=SEND, seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        end, etas = time.monotonic() + 30.0, []
        while len(etas) <= 20 and time.monotonic() < end:
            etas += _etas(run)
    run.until(lambda: run.zalo.faults()[1]["hits"] > run.dossier_count // 10, "retries", 30.0)
    run.zalo.clear_faults()
    run.last_blow = time.monotonic()
    promised(run.verdict())
    assert len(etas) > 20, "no message was seen"
    assert set(etas) == {None}


def _etas(run: Run) -> list[Any]:
    """The eta of each message that the broker holds, delivered or not."""
    with redis.Redis.from_url(run.settings.redis_url, decode_responses=True) as client:
        waiting = [raw for queue in QUEUES for raw in client.lrange(f"hcc:{queue}", 0, -1)]
        unacked = [json.loads(raw)[0] for raw in client.hvals("hcc:unacked")]
    messages = [json.loads(raw) for raw in waiting] + unacked
    return [message["headers"]["eta"] for message in messages]


def test_12_a_quota_is_hit_by_all_at_once_and_raised_later(begin: Begin) -> None:
    """Incident 12: what meets the quota is held without using up tries, the rest is not even tried; then each once."""
    run = begin(changes=LONG_TIMEOUTS)
    for _ in run.portions(1, at=(0.2, 0.4)):
        run.zalo.switch(oa_money=_NO_QUOTA)
        run.until(lambda: any(hold.key.startswith("channel:") for hold in run.services.holds.all()), "the hold")
        run.until(lambda: run.scalar("SELECT count(*) FROM notices WHERE state = 'sending'") == 0, "the last answers")
        stats = run.zalo.stats()
        time.sleep(3.0)
        again = run.zalo.stats()
        assert again["requests"][SEND] == stats["requests"][SEND], "somebody knocks although the quota is used up"
        assert 0 < stats["refused"][str(_NO_QUOTA)] <= run.dossier_count  # what was on the wire, each once
        assert run.scalar("SELECT coalesce(max(attempts), 0) FROM notices WHERE state = 'due'") == 0
        assert run.scalar("SELECT count(*) FROM notices WHERE state IN ('dead', 'uncertain')") == 0
        run.zalo.switch(oa_money=0)
        _as_if_the_time_had_come(run)
    all_told(run.verdict())


def _as_if_the_time_had_come(run: Run) -> None:
    """The day is over: the hold ends, and what was held is due."""
    with redis.Redis.from_url(run.settings.redis_url) as client:
        client.delete(run.services.holds.key)
    run.change("UPDATE notices SET due_at = clock_timestamp() WHERE state = 'due'")


def test_17_the_clock_of_a_host_jumps_by_hours(begin: Begin, tmp_path: Path) -> None:
    """Incident 17: the clock of workers and beat jumps ahead, then back, amid retries; nothing freezes or doubles."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    shifted = {"PYTHONPATH": str(Path(__file__).with_name("shifted_clock")), "HCC_CHAOS_CLOCK": str(clock)}
    run = begin(changes=LONG_TIMEOUTS | shifted)
    run.zalo.fault("error", code=_LATER, probability=0.3, path=SEND, seed=run.dice.randrange(2**31))
    jumps = [3600, -3600, 0]
    for number in run.portions(len(jumps)):
        clock.write_text(str(jumps[number]))
        time.sleep(2.0)  # long enough for every bell to be rung by the new time
    run.zalo.clear_faults()
    all_told(run.verdict())
    assert run.scalar("SELECT count(*) FROM attempts WHERE outcome = 'try_later'") > run.dossier_count // 10


def test_20_a_limit_below_sixty_a_minute_holds_exactly(begin: Begin) -> None:
    """Incident 20: workers at a limit of 30 a minute, against a Zalo that refuses the 31st; used and never overrun.

    The pace is kept, too. A permit is early by the burst at most: a higher lane is let out before bulk would be.
    """
    limit, seconds = 30, 14.0 if SHORT else 150.0
    seen = _at_the_limit(begin(changes={"HCC_ZALO_RATE_PER_MINUTE": str(limit)}, latency_ms=20), limit, seconds)
    assert seen[-1][1] - seen[0][1] >= 0.9 * limit * seconds / 60 - 1, "the limit is not used"
    early = max(
        (n - m) * WINDOW_SECONDS / limit - (later - earlier)
        for (earlier, m), (later, n) in combinations(_steps(seen), 2)
    )
    assert early <= BURST_SECONDS + 2 * _LOOK_SECONDS, "permits come in bursts"


@whole_only
def test_20_four_processes_use_the_whole_of_a_limit(begin: Begin) -> None:
    """At 600 a minute: no refusal, never more than 600 in 60 seconds, and 99 % of it used (in the long run)."""
    limit, seconds, share = (600, 8.0, 0.9) if SHORT else (600, 90.0, 0.99)
    run = begin(changes={"HCC_ZALO_RATE_PER_MINUTE": str(limit)}, latency_ms=20)
    seen = _at_the_limit(run, limit, seconds)
    used = (seen[-1][1] - seen[0][1]) / ((seen[-1][0] - seen[0][0]) * limit / 60)
    print(
        f"used {used:.1%} of {limit} a minute for {seconds:g} s, at most {run.zalo.stats()['max_per_minute']} in 60 s"
    )
    assert used >= share, "the limit is not used"


def _at_the_limit(run: Run, limit: int, seconds: float) -> list[tuple[float, int]]:
    """Feed more than the limit lets out; what Zalo had accepted when, once it had begun to. It refused nothing."""
    run.zalo.switch(rate_per_minute=limit)
    run.feed()
    run.reach(1)
    seen: list[tuple[float, int]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append((time.monotonic(), run.zalo.stats()["accepted"]))
        time.sleep(_LOOK_SECONDS)
    stats = run.zalo.stats()
    nothing_wrong(run.judge_now())
    assert (stats["rate_violations"], stats["refused"]) == (0, {})
    assert stats["max_per_minute"] <= limit
    return seen


def _steps(seen: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The moments at which one more was accepted."""
    return [after for before, after in pairwise(seen) if after[1] != before[1]]
