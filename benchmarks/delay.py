"""Measures the delay from the commit in the dossier database to Zalo's acceptance.

The scenarios are 50 and 500 events per second, the rate of Zalo's limit, and runs with a backlog.

    python -m benchmarks.delay                                      all of it, about six minutes
    BENCH_SECONDS=10 BENCH_ONLY="50 a second" python -m benchmarks.delay

It uses real processes as in the Procfile (one worker with two children, one beat), real servers, and a Zalo that
answers in 50 ms. The rivals poll no dossier database: their delay counts from the commit of the notice, and so does
ours in that comparison.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks import filling
from benchmarks.clerks import Clerks
from benchmarks.contest import rival_environment
from benchmarks.contestants import RIVALS, Rival
from benchmarks.measure import cpu_seconds, percentile
from benchmarks.product import product, product_environment, running
from benchmarks.report import Report, ms
from benchmarks.rivals import ledger as rival_ledger
from benchmarks.rivals.command import pace
from benchmarks.rivals.plan import code_of
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, World, tell, world
from config.settings import Settings
from domain.lane import Lane
from producers.dossiers.poll import build_poller
from sandbox.dossiers.living import create_schema
from worker.services.bootstrap import Services

SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
ONLY = os.environ.get("BENCH_ONLY", "")  # a part of a scenario's name
LATENCY_MS = 50
LIMIT = 4000  # calls per minute: Zalo's default
BACKLOG = 100_000
_BACKLOG_FROM = 1_000_000  # the number of a backlog's first notice
_PATIENCE = 60.0  # seconds to wait for the last message
_RIVAL_RATES = (50.0, 500.0)
_RIVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Events at a rate (per second) under a limit (calls per minute), with a backlog.

    The backlog is in the bulk lane, like replays and like events that a poll finds by the thousand.
    """

    name: str
    rate: float
    per_minute: int = LIMIT
    backlog: int = 0
    promised: bool = False  # whether its percentiles are promised


SCENARIOS = (
    Scenario("50 a second", 50, promised=True),
    Scenario("500 a second", 500, per_minute=60_000),
    Scenario("at Zalo's limit", LIMIT / 60),
    Scenario(f"50 a second while a replay of {BACKLOG:,} drains", 50, backlog=BACKLOG, promised=True),
    Scenario(
        f"50 a second while a flood of {BACKLOG:,} drains, no limit",
        50,
        per_minute=10_000_000,
        backlog=BACKLOG,
        promised=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A running product, and the clerks that create its events."""

    services: Services
    clerks: Clerks
    pids: Mapping[str, int]

    def recorded(self) -> dict[str, float]:
        """The time at which the ledger recorded each dossier's notice: the beginning of that short transaction."""
        query = text("SELECT code, recorded_at FROM notices WHERE code = ANY(:codes)")
        with self.services.ledger.connect() as connection:
            rows = connection.execute(query, {"codes": list(self.clerks.committed)})
            return {row.code: row.recorded_at.timestamp() for row in rows}


@dataclass(frozen=True, slots=True)
class Delays:
    """The delays of one scenario, in seconds: until recorded, until accepted, and between the two."""

    recorded: list[float]
    accepted: list[float]
    between: list[float]
    rate: float  # actual events per second
    cpu: Mapping[str, float]  # seconds per event, by process
    drained: int  # notices of the backlog sent meanwhile
    lacking: int  # messages that did not arrive in time: they count as arriving when we stopped waiting


def main() -> None:
    report = Report("delay", "Delay from the dossier database to Zalo")
    scenarios = [scenario for scenario in SCENARIOS if ONLY in scenario.name]
    with world() as made, StandIn(oa=OA, latency_ms=LATENCY_MS) as zalo:
        measured = {scenario: _measure(made, zalo, scenario) for scenario in scenarios}
        polled = float(Settings.model_fields["poll_seconds"].default)
        _tell(report, measured, polled)
        if not ONLY:
            _tell_rivals(report, measured, _measure_rivals(made, zalo))
            report.write()  # with BENCH_ONLY the result is only printed


def _measure(made: World, zalo: StandIn, scenario: Scenario) -> Delays:
    count = round(scenario.rate * SECONDS)
    codes = [code_of(number) for number in range(count + 1)]
    with _running(made, zalo, scenario, codes) as run:
        committed = run.clerks.committed
        run.clerks.accept(codes[:1], scenario.rate)
        _arrived(zalo, committed)
        filling.release(run.services)
        begun, before = zalo.count().accepted, cpu_seconds(run.pids.values())
        tell(f"{scenario.name}: {SECONDS:g} s")
        lasted = run.clerks.accept(codes[1:], scenario.rate)
        arrived, lacking = _arrived(zalo, committed)
        spent, accepted = cpu_seconds(run.pids.values()), zalo.count().accepted - begun
        recorded = run.recorded()
    return Delays(
        recorded=[recorded[code] - committed[code] for code in codes[1:]],
        accepted=[arrived[code] - committed[code] for code in codes[1:]],
        between=[arrived[code] - recorded[code] for code in codes[1:]],
        rate=count / lasted,
        cpu={name: (spent[pid] - before[pid]) / accepted for name, pid in run.pids.items()},
        drained=accepted - count + lacking,
        lacking=lacking,
    )


@contextmanager
def _running(made: World, zalo: StandIn, scenario: Scenario, codes: Sequence[str]) -> Iterator[Run]:
    """Prepare filed dossiers (as baseline), followers, a token and a backlog, and run the product's processes."""
    zalo.reset()
    made.servers.drop_database("delay_dossiers")
    made.servers.create_database("delay_dossiers")
    source, ledger = made.servers.database_url("delay_dossiers"), made.ledger("delay_ledger", fresh=True)
    create_schema(source)
    given = product_environment(made, zalo, ledger, source=source, rate_per_minute=scenario.per_minute)
    services, clerks = Services(made.settings(ledger, source, **given)), Clerks(source.replace("+psycopg2", ""))
    clerks.file({code: filling.phone_of(number).replace("+84", "0") for number, code in enumerate(codes)})
    people = filling.admit(services)
    while build_poller(services.settings).round().more:
        pass
    if scenario.backlog:
        tell(f"{scenario.name}: recording")
        filling.fall_due(services, people, _BACKLOG_FROM, scenario.backlog, lane=Lane.BULK)
        filling.hold(services)
    with product(given) as pids:
        yield Run(services, clerks, pids)
    clerks.close()
    services.close()


def _arrived(zalo: StandIn, committed: Mapping[str, float]) -> tuple[Mapping[str, float], int]:
    """When Zalo accepted each dossier's message, and how many did not arrive in time: these count as accepted now."""
    until = time.monotonic() + _PATIENCE
    moments = zalo.moments()
    while not committed.keys() <= moments.keys() and time.monotonic() < until:
        time.sleep(0.5)
        moments = zalo.moments()
    lacking = committed.keys() - moments.keys()
    return dict.fromkeys(lacking, time.time()) | moments, len(lacking)


def _measure_rivals(made: World, zalo: StandIn) -> Mapping[tuple[str, float], list[float]]:
    """The delays of each rival from the commit of a notice, at each rate."""
    found = {}
    for rival in RIVALS:
        for rate in _RIVAL_RATES:
            found[rival.title, rate] = _measure_rival(made, zalo, rival, rate)
            tell(f"{rival.title}, {rate:g} a second: p50 {ms(percentile(found[rival.title, rate], 0.5))}")
    return found


def _measure_rival(made: World, zalo: StandIn, rival: Rival, rate: float) -> list[float]:
    zalo.reset()
    given = rival_environment(made, zalo, rival)
    rival_ledger.create(given["RIVAL_DATABASE"])
    with running(rival.commands(), given):
        _arrived(zalo, pace(rival.module, given, 0, 50, 50))  # warm-up
        committed = pace(rival.module, given, 50, round(rate * _RIVAL_SECONDS), rate)
        arrived, _ = _arrived(zalo, committed)
    return [arrived[code] - moment for code, moment in committed.items()]


def _tell(report: Report, measured: Mapping[Scenario, Delays], polled: float) -> None:
    report.text(
        f"Acceptances in the dossier database, polled every {polled:g} s, for {SECONDS:g} s; one worker with two "
        f"children, one beat, a Zalo that answers after {LATENCY_MS} ms and counts a message as accepted when it does. "
        f"The limit is Zalo's default of {LIMIT:,} calls a minute; for 500 a second it is 60,000. From the commit in "
        "the dossier database until:"
    )
    rows = []
    for scenario, delays in measured.items():
        name = f"{scenario.name} ({delays.rate:.0f})"
        rows.append((f"{name}: recorded", *spread(delays.recorded)))
        rows.append((f"{name}: accepted by Zalo", *spread(delays.accepted)))
    report.table(("events a second (in fact), until", *_SPREAD), rows)
    half, whole = polled / 2 + 0.3, polled + 1
    report.promises([
        (f"{scenario.name}: {word}, s", figure, f"≤ {most:g}", figure <= most)
        for scenario, delays in measured.items()
        if scenario.promised
        for word, share, most in (("p50", 0.5, half), ("p99", 0.99, whole))
        for figure in (percentile(delays.accepted, share),)
    ])  # fmt: skip
    for scenario, delays in measured.items():
        used = ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in delays.cpu.items())
        drained = f"; {delays.drained:,} of the backlog went out meanwhile" if scenario.backlog else ""
        lacking = f"; {delays.lacking:,} did not arrive in {_PATIENCE:g} s" if delays.lacking else ""
        report.text(f"{scenario.name}: CPU time a message, polls and all: {used}{drained}{lacking}.")


def _tell_rivals(
    report: Report, measured: Mapping[Scenario, Delays], rivals: Mapping[tuple[str, float], list[float]]
) -> None:
    report.text("From the commit of the notice to its acceptance, without the poll that the rivals do not have:")
    rows = [
        (f"ours, {scenario.name}", *spread(delays.between))
        for scenario, delays in measured.items()
        if scenario.rate in _RIVAL_RATES and not scenario.backlog
    ]
    rows += [(f"{title}, {rate:g} a second", *spread(delays)) for (title, rate), delays in rivals.items()]
    report.table(("contestant", *_SPREAD), rows)


_SPREAD = ("p50", "p90", "p99", "worst")


def spread(delays: Sequence[float]) -> tuple[str, ...]:
    """The percentiles named in `_SPREAD`."""
    return tuple(ms(percentile(delays, share)) for share in (0.5, 0.9, 0.99, 1))


if __name__ == "__main__":
    main()
