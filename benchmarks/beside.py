"""Compares this tree with an earlier commit in alternating rounds: no change may cost more than it claims.

    python -m benchmarks.beside 9b0a479          three rounds of each, four minutes
    python -m benchmarks.beside 9b0a479 --calm   also the delay at 50 a second and the costs of a minute without events
    BENCH_ROUNDS=5 python -m benchmarks.beside …

Each round runs in its own process and its own tree, with the servers, the stand-in and the backlog of that tree's
benchmarks. Both run in the same environment, that of this tree. Throughput is compared within a round: the speed of a
shared machine varies from minute to minute by more than the difference to be detected.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from benchmarks.report import Report, times
from benchmarks.world import BENCH, tell
from config.settings import ROOT

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
BEFORE = "9b0a479"  # the default commit to compare with
LEAST = 0.97  # as a share of the earlier rate

# One round of ours, with the code of the tree it runs in; the last line of its output is parsed.
_ROUND = """
import json
from benchmarks import rivalry
from benchmarks.contest import of_ours, play
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, world
number = round(rivalry._EXPECTED[rivalry.OURS] * rivalry.SECONDS)
with world() as made, StandIn(oa=OA, latency_ms=rivalry.LATENCY_MS, tls=True) as zalo:
    rivalry._fill(made, zalo, number)
    figures = play(of_ours(template=rivalry._TEMPLATE, children=rivalry._CHILDREN), made, zalo, number)
print(json.dumps({"rate": figures.rate, "cpu": figures.workers_cpu, "postgres": figures.cpu["PostgreSQL"],
                  "valkey": figures.cpu["Valkey"], "whole": figures.whole}))
"""


# The delays of 20 s at 50 events a second, and what a minute without events costs.
_CALM = """
import json
from benchmarks import delay, idle
from benchmarks.measure import percentile
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, world
with world() as made, StandIn(oa=OA, latency_ms=delay.LATENCY_MS) as zalo:
    told = delay._measure(made, zalo, delay.SCENARIOS[0])
with world() as made, StandIn(oa=OA) as zalo:
    idle.SECONDS = 60
    spent = idle._minute(made, zalo, 1)
print(json.dumps({"p50": percentile(told.accepted, 0.5), "p99": percentile(told.accepted, 0.99),
                  "transactions": spent.transactions.get("idle", 0), "commands": sum(spent.commands.values()),
                  "worker": spent.cpu["worker"], "beat": spent.cpu["beat"], "web": spent.cpu["web"],
                  "postgres": spent.cpu["PostgreSQL"], "valkey": spent.cpu["Valkey"]}))
"""
_CALM_ROWS = {
    "p50": ("delay at 50 a second, p50", "s"),
    "p99": ("delay at 50 a second, p99", "s"),
    "transactions": ("idle minute: transactions in the ledger", ""),
    "commands": ("idle minute: commands of Redis", ""),
    "worker": ("idle minute: CPU of a worker", "s"),
    "beat": ("idle minute: CPU of beat", "s"),
    "web": ("idle minute: CPU of web", "s"),
    "postgres": ("idle minute: CPU of PostgreSQL", "s"),
    "valkey": ("idle minute: CPU of Valkey", "s"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision", nargs="?", default=BEFORE)
    parser.add_argument("--calm", action="store_true", help="also delays and idle costs")
    given = parser.parse_args()
    trees = {given.revision: _tree(given.revision), "now": ROOT}
    rounds = _take_turns(trees, _ROUND)
    report = Report("beside", "This tree beside an earlier commit")
    _throughput(report, given.revision, rounds)
    if given.calm:
        _calm(report, given.revision, _take_turns(trees, _CALM))
    report.write()
    if not all(one["whole"] for each in rounds.values() for one in each):
        raise SystemExit("not all accepted once and recorded")


def _take_turns(trees: Mapping[str, Path], program: str) -> Mapping[str, list[Mapping[str, float]]]:
    """The figures of a program's rounds in each tree; each tree comes first in every other round."""
    rounds: dict[str, list[Mapping[str, float]]] = {name: [] for name in trees}
    for number in range(ROUNDS):
        for name in list(trees)[:: 1 if number % 2 else -1]:
            rounds[name].append(_round(trees[name], program))
            tell(f"round {number + 1}: {name}, {_told(rounds[name][-1])}")
    return rounds


def _told(figures: Mapping[str, float]) -> str:
    return " ".join(f"{name}={figure:,.4g}" for name, figure in figures.items())


def _calm(report: Report, revision: str, rounds: Mapping[str, list[Mapping[str, float]]]) -> None:
    middle = {
        name: {what: statistics.median(one[what] for one in rounds[name]) for what in _CALM_ROWS} for name in rounds
    }
    before, now = middle[revision], middle["now"]
    report.text(f"Delays and idle costs: medians of {ROUNDS} rounds of each, taking turns. A worker has two children.")
    report.table(
        ("", revision, "now", "to that of before"),
        [
            (
                says,
                f"{before[what]:,.3g} {unit}".rstrip(),
                f"{now[what]:,.3g} {unit}".rstrip(),
                times(now[what], before[what]),
            )
            for what, (says, unit) in _CALM_ROWS.items()
        ],
    )


def _throughput(report: Report, revision: str, rounds: Mapping[str, list[Mapping[str, float]]]) -> None:
    report.text(f"Medians of {ROUNDS} rounds of each, taking turns; the throughput of `benchmarks.rivalry`, over HTTP.")
    middle = {
        name: {what: statistics.median(one[what] for one in each) for what in ("rate", "cpu", "postgres", "valkey")}
        for name, each in rounds.items()
    }
    rows = [
        (name, f"{one['rate']:,.0f}", *(f"{one[what] * 1000:.3f} ms" for what in ("cpu", "postgres", "valkey")))
        for name, one in middle.items()
    ]
    report.table(("tree", "notices a second", "workers' CPU a notice", "PostgreSQL", "Valkey"), rows)
    before, now = middle[revision], middle["now"]
    report.text(f"CPU of the workers: {times(now['cpu'], before['cpu'])} that of before.")
    shares = [one["rate"] / other["rate"] for one, other in zip(rounds["now"], rounds[revision], strict=True)]
    share = statistics.median(shares)
    report.text(f"Throughput to that of before, round by round: {', '.join(f'{one:.2f}' for one in shares)}.")
    report.promises([("throughput, to that of before, in the middle round", share, f"≥ {LEAST}", share >= LEAST)])


def _tree(revision: str) -> Path:
    """A folder with the files of a commit, without its history."""
    folder = BENCH / "beside" / revision
    if not folder.exists():
        partial = folder.with_name(f"{revision}.partial")  # an extraction that is broken off leaves no tree to reuse
        packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603, S607 (our own history)
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(folder)
    return folder


def _round(tree: Path, program: str) -> Mapping[str, float]:
    """Run one round in a process that imports the modules of `tree`."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 (our own)
    figures: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
