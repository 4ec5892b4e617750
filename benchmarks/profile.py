"""Profiles a worker's CPU time by room: the pump runs in this process, under a profiler that does not count waiting.

    python -m benchmarks.profile            20,000 notices
    BENCH_NOTICES=50000 python -m benchmarks.profile

A profiler exaggerates the cost of small functions: the shares show where to look, the first line the actual cost.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks import filling
from benchmarks.product import product_environment
from benchmarks.report import Report
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, World, world
from worker.delivery.engine import look_for_garbage_rarely
from worker.delivery.pump import Pump
from worker.services.bootstrap import Services

NOTICES = int(os.environ.get("BENCH_NOTICES", "20000"))
LATENCY_MS = 50

ROOMS: tuple[tuple[str, str], ...] = (
    ("pycurl", "wire: libcurl"),
    ("worker/wire", "wire: ours"),
    ("BoundedCursor", "ledger: PostgreSQL's driver"),
    ("psycopg2", "ledger: PostgreSQL's driver"),
    ("sqlalchemy", "ledger: SQLAlchemy"),
    ("ledger", "ledger: ours"),
    ("redis", "queue: Redis' client"),
    ("_socket.socket", "queue: Redis' client"),
    ("coordination", "queue: ours"),
    ("jinja2", "words: Jinja"),
    ("<template>", "words: Jinja"),
    ("domain", "words, times, decisions"),
    ("worker/channels", "channels: calls and their answers"),
    ("json", "channels: calls and their answers"),
    ("worker/", "the story: pump, deliver, answers, costs"),
)
"""Parts of a function's place, and the room that it works for; the first match counts."""

_ELSEWHERE = "elsewhere"
Place = tuple[str, int, str]  # file, line, function


def main() -> None:
    report = Report("profile", "Where a worker's CPU goes")
    look_for_garbage_rarely()
    with world() as made, StandIn(oa=OA, latency_ms=LATENCY_MS) as zalo:
        services = _services(made, zalo)
        people = filling.admit(services)
        filling.fall_due(services, people, 0, NOTICES)
        plain = _cpu(lambda: _deliver(services)) / NOTICES
        filling.fall_due(services, people, NOTICES, NOTICES)
        profile = cProfile.Profile(time.process_time)
        profiled = _cpu(lambda: profile.runcall(_deliver, services)) / NOTICES
        services.close()
    report.text(
        f"{NOTICES:,} notices by one pump in one process, Zalo answering in {LATENCY_MS} ms: {plain * 1000:.3f} ms of "
        f"CPU a notice; under the profiler {profiled * 1000:.3f} ms, of which:"
    )
    spent = by_room(pstats.Stats(profile))
    whole = sum(seconds for _, seconds in spent)
    rows = [(room, f"{own / whole:.0%}", f"{own / whole * plain * 1e6:.0f} µs") for room, own in spent]
    report.table(("room", "share", "of a notice's CPU"), rows)
    report.text(
        "libcurl and the system calls it makes are the floor: raw libcurl costs as much alone "
        "([rivalry](rivalry.md)). What lies above it is spread thin: no function of ours takes more than a few "
        "hundredths, and whatever can be done once a batch is (the claim, permits, marks, the settlement)."
    )
    report.text(
        "What it would take to reach the aims that the rivalry does not: "
        "[decision 12](../decisions/0012-one-pump-a-process.md)."
    )
    report.write()


def by_room(stats: pstats.Stats) -> list[tuple[str, float]]:
    """CPU seconds by room, the largest first. Functions outside of all rooms count for the room that called them."""
    seconds: dict[str, float] = defaultdict(float)
    table: dict[Place, Any] = stats.stats  # type: ignore[attr-defined]  # typeshed knows the class without it
    for place, (_, _, own, _, callers) in table.items():
        room = room_of(place)
        if room != _ELSEWHERE or not callers:
            seconds[room] += own
            continue
        for caller, (_, _, share, _) in callers.items():
            seconds[room_of(caller)] += share
    return sorted(seconds.items(), key=lambda room: -room[1])


def room_of(place: Place) -> str:
    """The room that a function works for."""
    words = f"{place[0]} {place[2]}"
    return next((room for part, room in ROOMS if part in words), _ELSEWHERE)


def _services(made: World, zalo: StandIn) -> Services:
    ledger = made.ledger("profile", fresh=True)
    given = product_environment(made, zalo, ledger)
    return Services(made.settings(ledger, given["HCC_DOSSIER_URL"], **given))


def _deliver(services: Services) -> None:
    """Run turns of a pump until nothing is due."""
    wire = services.shared.open_sender()
    pump = Pump(wire)
    pump.ask(services, OA)
    while pump.busy:
        pump.turn()
    pump.stop()
    pump.run()
    wire.close()


def _cpu(deed: Callable[[], object]) -> float:
    """The CPU seconds of this process for `deed`."""
    before = time.process_time()
    deed()
    return time.process_time() - before


if __name__ == "__main__":
    main()
