"""The delay from a commit in the dossier database to the recorded notice and to Zalo's acceptance, at 50 a second.

Real processes as in the Procfile (one worker, one beat), the embedded servers and the sandbox's Zalo.
`BENCH_SECONDS=60 BENCH_RATE=20 python -m benchmarks.delay` takes another load.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from benchmarks.measure import cpu_seconds, percentile
from benchmarks.report import Report, ms
from benchmarks.world import BENCH, OA, World, environment, tell, world
from operators.cli.up import zalo_urls
from operators.processes import Processes, procfile
from operators.world import SANDBOX_ZALO
from producers.dossiers.poll import build_poller
from sandbox.dossiers.living import LivingDossiers
from sandbox.zalo.client import SandboxZalo
from worker.bootstrap import Services
from worker.channels.zalo.oauth import pair_of
from worker.ledger.people import Link

RATE = float(os.environ.get("BENCH_RATE", "50"))  # events a second
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
ZALO_MS = 50  # the sandbox answers after so long
_PATIENCE = 60.0  # seconds for the last message to arrive
_CODE = re.compile(r"H27\.37-[0-9]{6}-[0-9]+")


@dataclass
class Run:
    """A product at work, and when what happened (seconds since 1970)."""

    services: Services
    dossiers: LivingDossiers
    zalo: SandboxZalo
    pids: dict[str, int]
    committed: dict[str, float] = field(default_factory=dict)  # by code

    def accept(self, code: str) -> None:
        """One event: the commit that a poll has to see."""
        at = datetime.now()  # noqa: DTZ005 (local and naive, as the dossier database keeps it)
        self.dossiers.accept(code, at=at, appointment=at + timedelta(days=7))
        self.committed[code] = time.time()

    def arrived(self) -> dict[str, float]:
        """When Zalo accepted the message of each dossier. Raises `SystemExit` if they do not come."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            messages = self.zalo.messages()
            if len(messages) >= len(self.committed):
                return {_CODE.findall(message["text"])[0]: message["at"] for message in messages}
            time.sleep(0.2)
        raise SystemExit(f"{len(messages)} of {len(self.committed)} messages arrived; see {BENCH / 'logs'}")

    def recorded(self) -> dict[str, float]:
        """When the ledger recorded the notice of each dossier: the beginning of that short transaction."""
        with self.services.ledger.connect() as connection:
            rows = connection.execute(text("SELECT code, recorded_at FROM notices"))
            return {row.code: row.recorded_at.timestamp() for row in rows}


def main() -> None:
    report = Report("delay", "Delay from the dossier database to Zalo")
    count = round(RATE * SECONDS)
    codes = [f"H27.37-240219-{number:06}" for number in range(count + 1)]
    with world() as made, _running(made, codes) as run:
        tell("waiting for the first message")
        run.accept(codes[0])
        run.arrived()
        tell(f"{RATE:g} events a second for {SECONDS:g} s")
        before = cpu_seconds(run.pids.values())
        for code in _paced(codes[1:]):
            run.accept(code)
        arrived = run.arrived()
        spent = cpu_seconds(run.pids.values())
        cpu = {name: spent[pid] - before[pid] for name, pid in run.pids.items()}
        _tell(report, run, arrived, codes[1:], cpu)
    report.write()


def _tell(report: Report, run: Run, arrived: dict[str, float], codes: Sequence[str], cpu: dict[str, float]) -> None:
    settings = run.services.settings
    report.text(
        f"{len(codes)} acceptances at {RATE:g} a second, polled every {settings.poll_seconds:g} s; one worker, one "
        f"beat, a Zalo that answers after {ZALO_MS} ms. From the commit in the dossier database until:"
    )
    recorded = run.recorded()
    rows = []
    for name, moments in (("the notice recorded", recorded), ("accepted by Zalo", arrived)):
        delays = [moments[code] - run.committed[code] for code in codes]
        rows.append((name, *(ms(percentile(delays, share)) for share in (0.5, 0.9, 0.99, 1))))
    report.table(("until", "p50", "p90", "p99", "worst"), rows)
    half, whole = settings.poll_seconds / 2 + 0.3, settings.poll_seconds + 1
    report.text(f"To be held: p50 ≤ {half:g} s and p99 ≤ {whole:g} s until accepted by Zalo.")
    used = ", ".join(f"{name} {seconds / len(codes) * 1000:.1f} ms" for name, seconds in cpu.items())
    report.text(f"CPU time a notice, polls and all: {used}.")


def _paced(codes: Sequence[str]) -> Iterator[str]:
    """One code after the other, each at its time."""
    began = time.monotonic()
    for place, code in enumerate(codes):
        time.sleep(max(0.0, began + place / RATE - time.monotonic()))
        yield code


@contextmanager
def _running(made: World, codes: Sequence[str]) -> Iterator[Run]:
    """Filed dossiers, followers, a token, and the processes at work; what was filed is baseline."""
    with ExitStack() as stack:
        made.servers.drop_database("delay_dossiers")
        made.servers.create_database("delay_dossiers")
        source, ledger = made.servers.database_url("delay_dossiers"), made.ledger("delay_ledger", fresh=True)
        redis = made.servers.redis_url(int(time.time()) % 15 + 1)
        identity = {name: SANDBOX_ZALO[f"HCC_ZALO_{name.upper()}"] for name in ("app_id", "app_secret", "oa_id")}
        zalo = stack.enter_context(SandboxZalo(everybody_known=True, latency_ms=ZALO_MS, **identity))
        given = environment(ledger, source, redis) | zalo_urls(zalo)
        services = Services(made.settings(ledger, source, **given))
        stack.callback(services.close)
        dossiers = LivingDossiers(source)
        stack.callback(dossiers.close)
        for number, code in enumerate(codes):
            dossiers.file(code, phone=f"0978{number:06}", at=datetime.now())  # noqa: DTZ005
        with services.ledger.begin() as tx:
            services.credentials.store(tx, OA, pair_of(zalo.mint_tokens()))
            links = [Link(str(6_142_494_823_000_000_000 + n), f"+84978{n:06}") for n in range(len(codes))]
            services.people.link(tx, OA, links, source="benchmark")
        build_poller(services.settings).round()
        shutil.rmtree(BENCH / "logs", ignore_errors=True)
        processes = stack.enter_context(Processes((), given, BENCH / "logs"))
        pids = {name: processes.start(name, procfile()[name]).pid for name in ("worker", "beat")}
        yield Run(services, dossiers, zalo, pids)


if __name__ == "__main__":
    main()
