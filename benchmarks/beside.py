"""Compares this tree with an earlier commit in alternating rounds: no change may cost more than it claims.

    python -m benchmarks.beside 9b0a479          three rounds of each, four minutes
    BENCH_ROUNDS=5 python -m benchmarks.beside …

Each round runs in its own process and its own tree, with the servers, the stand-in and the backlog of that tree's
benchmarks. Both run in the same environment, that of this tree. Throughput is compared within a round: the speed of a
shared machine varies from minute to minute by more than the difference to be detected.
"""

from __future__ import annotations

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
                  "valkey": figures.cpu["Valkey"], "memory": max(figures.memory), "whole": figures.whole}))
"""

_FIGURES = ("rate", "cpu", "postgres", "valkey", "memory")


def main() -> None:
    revision = sys.argv[1] if len(sys.argv) > 1 else BEFORE
    rounds = take_turns(revision, _ROUND)
    report = Report("beside", "This tree beside an earlier commit")
    _throughput(report, revision, rounds)
    report.write()
    if not all(one["whole"] for each in rounds.values() for one in each):
        raise SystemExit("not all accepted once and recorded")


def take_turns(revision: str, program: str) -> Mapping[str, list[Mapping[str, float]]]:
    """What a program prints as JSON in the tree of a revision and in `now`; each comes first in every other round."""
    trees = {revision: _tree(revision), "now": ROOT}
    rounds: dict[str, list[Mapping[str, float]]] = {name: [] for name in trees}
    for number in range(ROUNDS):
        for name in list(trees)[:: 1 if number % 2 else -1]:
            rounds[name].append(_round(trees[name], program))
            tell(f"round {number + 1}: {name}, {_told(rounds[name][-1])}")
    return rounds


def _told(figures: Mapping[str, float]) -> str:
    return " ".join(f"{name}={figure:,.4g}" for name, figure in figures.items())


def _throughput(report: Report, revision: str, rounds: Mapping[str, list[Mapping[str, float]]]) -> None:
    report.text(f"Medians of {ROUNDS} rounds of each, taking turns; the throughput of `benchmarks.rivalry`, over HTTP.")
    middle = {
        name: {
            what: statistics.median(one[what] for one in each)
            for what in ("rate", "cpu", "postgres", "valkey", "memory")
        }
        for name, each in rounds.items()
    }
    rows = [
        (
            name,
            f"{one['rate']:,.0f}",
            *(f"{one[what] * 1000:.3f} ms" for what in ("cpu", "postgres", "valkey")),
            f"{one['memory'] / 2**20:.0f} MB",
        )
        for name, one in middle.items()
    ]
    report.table(
        ("tree", "notices a second", "workers' CPU a notice", "PostgreSQL", "Valkey", "memory of a child"), rows
    )
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
