"""When a round counts, and what is made of several."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.contest import Figures, Standing
from benchmarks.contestants import RIVALS
from benchmarks.delay import spread
from benchmarks.filling import phone_of
from benchmarks.idle import Counts
from benchmarks.measure import memory_of
from benchmarks.rivals.plan import body_of, code_of, message, user_of, words_of

CPU: Mapping[str, float] = {"PostgreSQL": 0.1, "Valkey": 0.01}


def figures(**changes: object) -> Figures:
    whole = {
        "number": 10, "rate": 5.0, "cpu": CPU, "workers_cpu": 0.2, "memory": (1,), "accepted": 10, "duplicates": 0,
        "settled": (10, 10), "most": 3,
    }  # fmt: skip
    return Figures(**(whole | changes))  # type: ignore[arg-type]


def test_a_round_is_whole_when_each_was_accepted_once_and_recorded() -> None:
    """Not when one is missing, twice, or without its attempt."""
    assert figures().whole
    assert not figures(accepted=9).whole
    assert not figures(duplicates=1).whole
    assert not figures(settled=(10, 9)).whole
    assert not figures(settled=(9, 9)).whole


def test_a_standing_is_the_median_of_its_rounds_and_forgives_no_duplicate() -> None:
    """Rates are medians; one bad round spoils the whole."""
    standing = Standing.of([figures(rate=1.0), figures(rate=9.0, duplicates=2), figures(rate=5.0)])
    assert standing.rate == 5.0
    assert (standing.duplicates, standing.whole) == (2, False)


def test_all_send_the_same_words_to_the_same_people() -> None:
    """What rivals send by number is what our ledger would say of that dossier, to the same follower."""
    assert code_of(7) in words_of(7)
    assert message(user_of(7), words_of(7)) == json.loads(body_of(7))
    assert user_of(7) != user_of(8)
    assert phone_of(7) == "+84978000007"


def test_every_rival_has_its_command_lines() -> None:
    """No place in them is left open."""
    for rival in RIVALS:
        lines = rival.tuned(room=5, processes=3).commands()
        assert not [line for line in lines.values() if "{" in line or "}" in line]


def test_counters_of_an_idle_minute_are_scaled_differences() -> None:
    """What was there before does not count; half a minute counts twice."""
    before = Counts({"idle": 10}, {"get": 5}, {"beat": 1.0})
    after = Counts({"idle": 14}, {"get": 5, "set": 3}, {"beat": 1.5})
    assert after.since(before, 2.0) == Counts({"idle": 8}, {"get": 0, "set": 6}, {"beat": 1.0})


def test_a_spread_is_four_percentiles() -> None:
    """p50, p90, p99 and the worst."""
    assert spread([0.001 * number for number in range(1, 101)]) == ("50.0 ms", "90.0 ms", "99.0 ms", "100.0 ms")


def test_memory_of_a_process_without_children_is_its_own() -> None:
    """More than a megabyte, for a Python."""
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert memory_of(process.pid)[0] > 2**18
        process.communicate(b"\n")
