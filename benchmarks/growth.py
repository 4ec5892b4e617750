"""Measures the cost of growth of the backlog, the workers and the ledger. For the source see `benchmarks.poll`.

    python -m benchmarks.growth     all of it; the first run fills 20 M rows
    BENCH_BACKLOGS=1k,10k BENCH_LEDGERS=0,1M BENCH_WORKERS=1,2 python -m benchmarks.growth

Redis is flushed half-way through the largest backlog. Ledgers full of finished notices are kept under var/bench.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product

from redis import Redis

from benchmarks import filling
from benchmarks.contest import Figures, of_ours, play
from benchmarks.plots import Panel, lines
from benchmarks.product import product_environment
from benchmarks.report import PAGES, Report, times
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, World, sizes, tell, world
from worker.services.bootstrap import Services

BACKLOGS = sizes("1k,10k,100k,1M", "BENCH_BACKLOGS")
LEDGERS = sizes("0,1M,5M,20M", "BENCH_LEDGERS")
WORKERS = [int(word) for word in os.environ.get("BENCH_WORKERS", "1,2,3,4").split(",")]
BATCH = int(os.environ.get("BENCH_NOTICES", "50000"))  # size of the backlog where workers or the ledger grow
_CHILDREN = (1, 2)
_TEMPLATE = "growth"
_WATCHED_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_NEARLY_ALL = 0.95  # as a share of the backlog: a pause at its end is meaningless
_MOST_MEMORY, _MOST_PAUSE = 1.2, 10.0


@dataclass
class Pause:
    """The effect of a flushed Redis: the longest time (seconds) without a message, and the rates before and after."""

    longest: float = 0.0
    before: float = 0.0
    after: float = 0.0


@dataclass
class Growth:
    """The results."""

    backlogs: dict[str, Figures] = field(default_factory=dict)
    workers: dict[tuple[int, int], Figures] = field(default_factory=dict)  # (workers, children each)
    ledgers: dict[str, Figures] = field(default_factory=dict)
    pause: Pause = field(default_factory=Pause)


def main() -> None:
    report, grown = Report("growth", "What growth costs"), Growth()
    with world() as made, StandIn(oa=OA) as zalo:
        _grow_backlog_and_workers(made, zalo, grown)
        for name, number in LEDGERS.items():
            grown.ledgers[name] = _in_a_ledger_of(made, zalo, name, number)
    _tell(report, grown)
    _draw(grown)
    report.picture("growth.svg", "Notices a second by backlog, workers and ledger")
    report.write()
    every = (*grown.backlogs.values(), *grown.workers.values(), *grown.ledgers.values())
    if not all(figures.whole for figures in every):
        raise SystemExit("not all were accepted once and recorded")


def _grow_backlog_and_workers(made: World, zalo: StandIn, grown: Growth) -> None:
    """Grow one ledger to each size in turn; every run works on a copy of it."""
    with _services(made, zalo, made.ledger(_TEMPLATE, fresh=True)) as services:
        people = filling.admit(services)
    filled = 0
    for number in sorted({*BACKLOGS.values(), BATCH}):
        tell(f"a backlog of {number:,}")
        with _services(made, zalo, made.servers.database_url(_TEMPLATE)) as services:
            filling.fall_due(services, people, filled, number - filled)
        filled = number
        for name in (name for name, size in BACKLOGS.items() if size == number):
            grown.backlogs[name] = _told(f"a backlog of {name}", _backlog(made, zalo, number, grown.pause))
        for workers, children in product(WORKERS, _CHILDREN) if number == BATCH else ():
            contestant = of_ours(template=_TEMPLATE, workers=workers, children=children)
            grown.workers[workers, children] = _told(f"{workers} × {children}", play(contestant, made, zalo, number))


def _backlog(made: World, zalo: StandIn, number: int, pause: Pause) -> Figures:
    """Measure a backlog; during the largest one also flush Redis."""
    contestant = of_ours(template=_TEMPLATE)
    if number < max(BACKLOGS.values()):
        return play(contestant, made, zalo, number)
    return play(contestant, made, zalo, number, until=0.5, then=lambda: _flush(made, zalo, number, pause))


def _flush(made: World, zalo: StandIn, number: int, pause: Pause) -> None:
    """Flush everything from Redis (the queue, the limits, the marks), and watch the sends."""
    pause.before = _rate(zalo, 3.0)
    with Redis.from_url(made.servers.redis_url()) as redis:
        redis.flushall()
    flushed = moved = time.monotonic()
    accepted = zalo.count().accepted
    while time.monotonic() < flushed + _WATCHED_SECONDS and accepted < number * _NEARLY_ALL:
        time.sleep(_LOOK_SECONDS)
        if (now := zalo.count().accepted) != accepted:
            accepted, moved = now, time.monotonic()
        pause.longest = max(pause.longest, time.monotonic() - moved)
    pause.after = _rate(zalo, 3.0)
    tell(f"a flushed Redis: the longest pause was {pause.longest:.1f} s")


def _rate(zalo: StandIn, seconds: float) -> float:
    before = zalo.count().accepted
    time.sleep(seconds)
    return (zalo.count().accepted - before) / seconds


def _in_a_ledger_of(made: World, zalo: StandIn, name: str, finished: int) -> Figures:
    """Measure throughput in a ledger that already holds `finished` notices; the ledger is kept for the next run."""
    database = f"finished_{finished}"
    with _services(made, zalo, made.ledger(database, fresh=finished == 0)) as services:
        first, there = filling.begun(services.ledger)
        people = filling.admit(services)
        filling.finish(services.ledger, there, finished)
        filling.fall_due(services, people, first, BATCH)
    return _told(f"a ledger of {name}", play(of_ours(ledger=database, first=first), made, zalo, BATCH))


@contextmanager
def _services(made: World, zalo: StandIn, ledger: str) -> Iterator[Services]:
    given = product_environment(made, zalo, ledger)
    services = Services(made.settings(ledger, given["HCC_DOSSIER_URL"], **given))
    yield services
    services.close()


def _told(what: str, figures: Figures) -> Figures:
    tell(f"{what}: {figures.rate:,.0f} a second, {max(figures.memory) / 2**20:.0f} MB a child")
    return figures


def _tell(report: Report, grown: Growth) -> None:
    report.text(
        "Ours, as in `benchmarks.rivalry`: no limit that could bind, Zalo answering in 50 ms. Rates and CPU times are "
        "those of the middle of a run, memory is the largest child's at its end (proportional: what children share is "
        "divided among them). Each notice was accepted once and its attempt recorded, in every run."
    )
    first = next(iter(grown.backlogs.values()))
    columns = ("notices a second", "workers' CPU a notice", "PostgreSQL's", "memory of a child")
    report.table(("backlog", *columns), [(name, *_row(one)) for name, one in grown.backlogs.items()])
    last = max(grown.backlogs.values(), key=lambda one: one.number)
    memory = max(last.memory) / max(first.memory)
    report.promises([
        (f"memory of a child, {last.number:,} to {first.number:,}, ×", memory, "≤ 1.2", memory <= _MOST_MEMORY),
        ("flushed Redis: longest pause, s", grown.pause.longest, "≤ 10", grown.pause.longest <= _MOST_PAUSE),
    ])  # fmt: skip
    report.text(
        f"Redis was flushed in the middle of {last.number:,}, and watched for {_WATCHED_SECONDS:g} s or until nearly "
        f"all was sent: {grown.pause.before:,.0f} a second before, {grown.pause.after:,.0f} a second after that."
    )
    rows = [(f"{workers} × {children}", *_row(one)) for (workers, children), one in grown.workers.items()]
    report.table(("workers × children", *columns), rows)
    bare = next(iter(grown.ledgers.values()))
    rows = [(name, *_row(one), times(one.rate, bare.rate)) for name, one in grown.ledgers.items()]
    report.table(("finished in the ledger", *columns, "rate to the first"), rows)


def _row(one: Figures) -> Sequence[str]:
    return (
        f"{one.rate:,.0f}", _cpu(one.workers_cpu), _cpu(one.cpu["PostgreSQL"]), f"{max(one.memory) / 2**20:.0f} MB",
    )  # fmt: skip


def _cpu(seconds: float) -> str:
    return "too short" if math.isnan(seconds) else f"{seconds * 1000:.3f} ms"


def _draw(grown: Growth) -> None:
    def of_children(children: int) -> list[tuple[float, float]]:
        return [(workers, one.rate) for (workers, each), one in grown.workers.items() if each == children]

    backlog = [(one.number, one.rate) for one in grown.backlogs.values()]
    ledger = [(LEDGERS[name] / 1e6, one.rate) for name, one in grown.ledgers.items()]
    workers = {f"{each} child{'ren' if each > 1 else ''} each": of_children(each) for each in _CHILDREN}
    rate = "notices a second"
    lines(
        PAGES / "growth.svg",
        [
            Panel("Backlog", "notices due", rate, {"ours": backlog}, logarithmic=True),
            Panel("Workers", "workers", rate, workers),
            Panel("Ledger", "million finished notices", rate, {"ours": ledger}),
        ],
    )


if __name__ == "__main__":
    main()
