"""Finds the rivals' best settings: one round for each of several numbers of processes and concurrent sends.

    python -m benchmarks.tuning                            all of them, about four minutes
    BENCH_ONLY=taskiq BENCH_SECONDS=10 python -m benchmarks.tuning

The best settings are copied into benchmarks/contestants.py by hand. This is not part of `make bench`.
"""

from __future__ import annotations

import os

from benchmarks.contest import Figures, of_rival, play
from benchmarks.contestants import RIVALS, Rival
from benchmarks.report import Report
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, tell, world

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ONLY = os.environ.get("BENCH_ONLY", "")

TRIED: dict[str, tuple[tuple[int, int], ...]] = {
    "celery": ((1, 8), (1, 16), (1, 24), (1, 32), (1, 48)),
    "threads": ((1, 32), (2, 8), (2, 16), (2, 24), (2, 32)),
    "dramatiq": ((2, 8), (2, 16), (2, 32), (2, 48), (2, 64)),
    "taskiq": ((1, 200), (2, 50), (2, 100), (2, 200), (2, 400)),
}
"""For each rival: the number of processes, and of concurrent sends in each."""


def main() -> None:
    report = Report("tuning", "The rivals' settings")
    rows = []
    with world() as made, StandIn(oa=OA) as zalo:
        for rival in (rival for rival in RIVALS if ONLY in rival.name):
            for processes, room in TRIED[rival.name]:
                figures = play(of_rival(rival.tuned(room, processes)), made, zalo, round(rival.rate * SECONDS))
                rows.append(_row(rival, processes, room, figures))
                tell(" · ".join(rows[-1]))
    report.text(f"One round of about {SECONDS:g} s each, Zalo answering in 50 ms. In use: {_in_use()}.")
    report.table(("rival", "processes × at once", "notices a second", "workers' CPU a notice"), rows)
    if not ONLY:  # with BENCH_ONLY the result is only printed
        report.write()


def _row(rival: Rival, processes: int, room: int, figures: Figures) -> tuple[str, ...]:
    cpu = f"{figures.workers_cpu * 1000:.2f} ms"
    return rival.title, f"{processes} × {room}", f"{figures.rate:,.0f}", cpu


def _in_use() -> str:
    return ", ".join(f"{rival.title} {rival.processes} × {rival.room}" for rival in RIVALS)


if __name__ == "__main__":
    main()
