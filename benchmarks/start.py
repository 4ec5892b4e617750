"""Measures the first start: existing events are remembered as baseline, and nobody is notified (R14).

`BENCH_SIZES=10k,1M python -m benchmarks.start` sets other sizes.
"""

from __future__ import annotations

import os
from time import perf_counter

from sqlalchemy import text

from benchmarks.measure import memory_bytes
from benchmarks.report import Report
from benchmarks.world import World, sizes, tell, world
from ledger.base.engine import open_ledger
from producers.dossiers.poll import Poller, build_poller

_TOLD_EVERY = 30  # seconds


def main() -> None:
    report = Report("start", "First start on old dossiers")
    with world() as made:
        rows = [_measure(made, name, count) for name, count in sizes("10k,1M").items()]
    report.text("From an empty ledger to the end of the first start, and one more poll of the same database.")
    report.table(
        ("dossiers", "notices", "remembered", "seconds", "dossiers a second", "memory", "the poll after"),
        rows,
    )
    report.write()


def first_start(poller: Poller) -> tuple[int, int]:
    """Run rounds until nothing is left; returns the numbers of remembered events and of recorded notices."""
    remembered = recorded = 0
    began = told = perf_counter()
    while True:
        tally = poller.round(5)
        remembered, recorded = remembered + tally.baseline, recorded + tally.recorded
        if not tally.more:
            return remembered, recorded
        if perf_counter() - told > _TOLD_EVERY:
            told = perf_counter()
            tell(f"first start: {remembered:,} events after {told - began:.0f} s")


def _measure(made: World, name: str, count: int) -> tuple[str, ...]:
    source = made.dossiers(count)
    ledger = made.ledger("start", fresh=True)
    tell(f"first start on {name} dossiers")
    poller = build_poller(made.settings(ledger, source))
    began = perf_counter()
    remembered, _ = first_start(poller)
    seconds = perf_counter() - began
    after = poller.round()
    megabytes = memory_bytes(os.getpid()) / 2**20
    return (
        name, str(_notices(ledger)), f"{remembered:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}",
        f"{megabytes:.0f} MB", f"{after.recorded} notices",
    )  # fmt: skip


def _notices(ledger: str) -> int:
    engine = open_ledger(ledger)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM notices")).scalar_one()
    engine.dispose()
    return int(count)


if __name__ == "__main__":
    main()
