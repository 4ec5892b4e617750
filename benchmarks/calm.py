"""Compares delays and the costs of an idle minute with those of an earlier commit, in alternating rounds.

    python -m benchmarks.calm 9b0a479          two rounds of each, seven minutes

As `benchmarks.beside`: each round runs in a process of its own, with the code and the benchmarks of its tree.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping

from benchmarks.beside import BEFORE, ROUNDS, take_turns
from benchmarks.report import Report, times

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
                  "worker": spent.cpu["worker0"], "beat": spent.cpu["beat"],
                  "postgres": spent.cpu["PostgreSQL"], "valkey": spent.cpu["Valkey"]}))
"""
_CALM_ROWS = {
    "p50": ("delay at 50 a second, p50", "s"),
    "p99": ("delay at 50 a second, p99", "s"),
    "transactions": ("idle minute: transactions in the ledger", ""),
    "commands": ("idle minute: commands of Redis", ""),
    "worker": ("idle minute: CPU of a worker", "s"),
    "beat": ("idle minute: CPU of beat", "s"),
    "postgres": ("idle minute: CPU of PostgreSQL", "s"),
    "valkey": ("idle minute: CPU of Valkey", "s"),
}


def main() -> None:
    revision = sys.argv[1] if len(sys.argv) > 1 else BEFORE
    report = Report("calm", "Delays and idle costs beside an earlier commit")
    _tell(report, revision, take_turns(revision, _CALM))
    report.write()


def _tell(report: Report, revision: str, rounds: Mapping[str, list[Mapping[str, float]]]) -> None:
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


if __name__ == "__main__":
    main()
