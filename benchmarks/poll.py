"""Measures the cost of a poll by size of the source, idle and with a hundred new events, and of the reconcile.

`BENCH_SIZES=10k,1M python -m benchmarks.poll` sets other sizes; the others are compared with the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import sleep, time_ns

from benchmarks.measure import median, timed
from benchmarks.past import remember_past
from benchmarks.report import Report, ms, times
from benchmarks.world import World, sizes, tell, world
from producers.dossiers.context import Round
from producers.dossiers.poll import Poller, build_poller
from sandbox.dossiers.living import LivingDossiers

IDLE_ROUNDS, BUSY_ROUNDS, WARM_ROUNDS, PASSES = 41, 11, 5, 1
QUIET_SECONDS = 35  # more than the mapping's overlap_seconds
EVENTS = 100  # new events in a busy round


@dataclass
class Source:
    """A dossier database of one size, its poller at the newest position, and the results of its rounds."""

    name: str
    dossiers: LivingDossiers
    poller: Poller
    filed: list[str] = field(default_factory=list)
    idle: list[tuple[float, int]] = field(default_factory=list)  # seconds, rows
    busy: list[tuple[float, int]] = field(default_factory=list)
    passes: list[tuple[float, int]] = field(default_factory=list)  # passes of the reconcile

    def file(self, count: int) -> None:
        """File and accept `count` dossiers: one event each, at most three rows of the history's feed."""
        at = datetime.now()  # noqa: DTZ005 (local and naive, as the dossier database keeps it)
        for _ in range(count):
            code = f"H27.99-{at:%y%m%d}-{time_ns() % 10**10}"
            self.dossiers.file(code, phone=f"0978{len(self.filed) % 10**6:06}", at=at)
            self.dossiers.accept(code, at=at, appointment=at + timedelta(days=7))
            self.filed.append(code)

    def tidy(self) -> None:
        """Delete the dossiers filed here, so that the next run finds the source as this one did."""
        for code in self.filed:
            self.dossiers.delete(code, at=datetime.now())  # noqa: DTZ005 (as above)
        self.dossiers.close()


def main() -> None:
    report = Report("poll", "Poll cost by size of the source")
    with world() as made:
        sources = [_source(made, name, count) for name, count in sizes("10k,1M,10M").items()]
        try:
            _measure(sources)
        finally:
            for source in sources:
                source.tidy()
    _tell(report, sources)
    report.write()


def _source(made: World, name: str, count: int) -> Source:
    url = made.dossiers(count)
    ledger = made.ledger(f"ledger_{count}", fresh=True)
    settings = made.settings(ledger, url)
    tell(f"{name} dossiers: the poller begins")
    remember_past(settings)
    return Source(name, LivingDossiers(url), build_poller(settings))


def _warm(sources: Sequence[Source]) -> None:
    for source in sources:
        for _ in range(WARM_ROUNDS):
            source.file(EVENTS // 10)
            source.poller.round()
        source.poller.reconcile(whole=True)  # as in the first start, this notes the open dossiers
    tell(f"{QUIET_SECONDS} quiet seconds, since what has just changed is read again")
    sleep(QUIET_SECONDS)
    for source in sources:
        source.poller.round()


def _measure(sources: Sequence[Source]) -> None:
    """Measure all sizes in alternating rounds, so that other load on the machine affects all of them alike."""
    _warm(sources)
    tell(f"{IDLE_ROUNDS} idle polls")
    for source in IDLE_ROUNDS * list(sources):
        source.idle.append(_read(source.poller.round))
    tell(f"{BUSY_ROUNDS} polls with {EVENTS} new events")
    for source in BUSY_ROUNDS * list(sources):
        source.file(EVENTS)
        source.busy.append(_read(source.poller.round, expected=EVENTS))
    tell("the reconcile, over all that is open")
    for source in PASSES * list(sources):
        source.passes.append(_read(partial(source.poller.reconcile, whole=True)))


def _read(deed: Callable[[], Round], *, expected: int = 0) -> tuple[float, int]:
    """The elapsed seconds and the rows read. Raises `SystemExit` if it did not find exactly the `expected` events."""
    seconds, tally = timed(deed)
    if tally.recorded != expected:
        raise SystemExit(f"{tally.recorded} notices of {expected} events")
    return seconds, tally.read


def _tell(report: Report, sources: Sequence[Source]) -> None:
    report.text(
        "One round of all feeds, from reading the source to the commit in the ledger: medians of "
        f"{IDLE_ROUNDS} idle polls, and of {BUSY_ROUNDS} that find {EVENTS} events; sizes take turns. In a busy round "
        "a dossier is three rows (two of history, one of the snapshot); what changed in the last seconds is read again."
    )
    report.text(
        "The reconcile (one whole pass) works page by page in the background, and rests for most of its time. It "
        "returns what is open, but without an index on the status the source walks through all dossiers to find it."
    )
    kinds: tuple[tuple[str, Callable[[Source], list[tuple[float, int]]]], ...] = (
        ("idle", lambda source: source.idle),
        (f"{EVENTS} new events", lambda source: source.busy),
        ("reconcile", lambda source: source.passes),
    )
    rows = []
    for kind, rounds in kinds:
        base = median(seconds for seconds, _ in rounds(sources[0]))
        for source in sources:
            seconds = median(seconds for seconds, _ in rounds(source))
            read = median(read for _, read in rounds(source))
            rows.append((f"{kind}, {source.name} dossiers", f"{read:,.0f}", ms(seconds), times(seconds, base)))
    report.table(("poll", "rows read", "time", f"to {sources[0].name}"), rows)


if __name__ == "__main__":
    main()
