"""Measures the console on a full ledger: each page alone, and what 20 clicking people cost Zalo's events.

    python -m benchmarks.console
    python -m benchmarks.console --finished 10000 --unreachable 1000 --due 1000 --dead 100 --rounds 5 --seconds 10

Real PostgreSQL and Valkey, and `hcc console` and `hcc web` as the Procfile starts them. The filled ledger is kept for
the next run. Events are sent at fixed moments (`benchmarks.hooks`). No worker runs.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from redis import Redis
from sqlalchemy import text

from benchmarks import hooks
from benchmarks.clicks import Click, SignedIn, ask_in_turn, click_together, sign_in
from benchmarks.measure import cpu_seconds, percentile
from benchmarks.page_cpu import cpu_of_pages
from benchmarks.product import no_dossiers
from benchmarks.report import Report, ms
from benchmarks.waiting import BY, CLERKS_UNIT, RARE, WHY, ConsoleFill, fill_console, is_filled, schedule
from benchmarks.world import BENCH, World, environment, tell, world
from config.oas import Oa
from ledger.console import ROLE, role_statements
from operators.console.roles import PUBLIC, ROUTES
from operators.console.setup import open_console
from operators.processes import Processes, procfile
from worker.services.bootstrap import Services

PAGE_SECONDS = 0.3  # p95 of each page
EVENT_SECONDS = 0.02  # p99 of the answers to events
CPU_SECONDS = 0.012  # the mean of all pages
_CPU_ROUNDS = 20
_PEOPLE = 20
_CODES = 200
_START_SECONDS = 60.0
_OWN_ACCOUNT = ("account_", "mfa_")

ADDRESSES: dict[str, str] = {
    "search": "/",
    "dossier": "/dossiers/{code}",
    "person": "/people/{person}",
    "audit": "/audit",
    "accounts": "/accounts",
    "overview": "/overview",
    "inbox": "/inbox",
    "dead": "/dead",
    "dead_retries_new": "/dead/retries/new",
    "dead_discards_new": "/dead/discards/new",
    "uncertain": "/uncertain",
    "uncertain_verdicts_new": "/uncertain/verdicts/new",
    "unreachable": "/unreachable",
    "quarantine": "/quarantine",
    "quarantine_releases_new": "/quarantine/releases/new",
    "quarantine_discards_new": "/quarantine/discards/new",
    "expired": "/expired",
    "expired_retries_new": "/expired/retries/new",
    "retries": "/retries",
    "acts": "/acts",
    "act": "/acts/{act}",
    "report_reach": "/reports/reach",
    "report_dossiers": "/reports/dossiers",
    "report_causes": "/reports/causes",
    "report_delays": "/reports/delays",
    "report_costs": "/reports/costs",
    "report_followers": "/reports/followers",
    "report_scans": "/reports/scans",
    "report_phones": "/reports/bad-phones",
    "news": "/news",
    "posters": "/posters",
    "templates": "/templates",
    "template": "/templates/accepted",
    "exports": "/exports",
    "system": "/system",
    "switches": "/switches",
}
"""Route → address. Those of signing in and of one's own account ask nothing of the ledger."""

FURTHER: dict[str, str] = {
    "dossier, unknown code": "/dossiers/{unknown}",
    "dead, of a rare cause": "/dead?cause=" + RARE.replace(" ", "%20"),
    "dead, of a unit": f"/dead?unit={CLERKS_UNIT}",
    "unreachable, of a unit": f"/unreachable?unit={CLERKS_UNIT}",
    "unreachable, of a cause that none has": "/unreachable?cause=none",
    "inbox, of a unit": f"/inbox?unit={CLERKS_UNIT}",
    "unreachable, far back": "/unreachable?before={middle}",
    "audit, of a name that none has": "/audit?by=nobody",
}
"""The same pages with filters that find little or nothing, which cost the most."""


@dataclass(frozen=True, slots=True)
class ConsoleBench:
    """What both parts need: a session of the console, the address for events, and both processes' ids."""

    console: SignedIn
    hooks: str
    pids: Mapping[str, int]


def main() -> None:
    """Run it and write the page."""
    report = Report("console", "The console on a full ledger")
    options = _options()
    wanted = ConsoleFill(options.finished, options.unreachable, options.due, options.dead)
    with world() as made, ExitStack() as stack:
        environment_ = _filled(made, wanted)
        bench = started(stack, made, environment_)
        report.text(
            f"{wanted.finished:,} finished notices, {wanted.unreachable:,} unreachable, {wanted.due:,} due, "
            f"{wanted.dead:,} dead; no worker runs. Servers, `hcc console`, `hcc web` and the clients share the cores."
        )
        _cpu_of_pages(report, bench, made, environment_)
        pages_alone(report, bench, options.rounds)
        _beside_events(report, bench, options)
    report.write()


def _options() -> argparse.Namespace:
    known = ConsoleFill()
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("finished", "unreachable", "due", "dead"):
        parser.add_argument(f"--{name}", type=int, default=getattr(known, name))
    parser.add_argument("--rounds", type=int, default=100, help="how often each page is asked alone")
    parser.add_argument("--events", type=int, default=100, help="Zalo's events a second")
    parser.add_argument("--clicks", type=float, default=167.0, help="pages a second that 20 people ask for")
    parser.add_argument("--seconds", type=int, default=120, help="of clicking")
    return parser.parse_args()


def unmeasured() -> set[str]:
    """The routes of pages that are not in `ADDRESSES`, and what is there and is no page."""
    pages = {
        name
        for name, methods in ROUTES.items()
        if methods.get("GET", PUBLIC) is not PUBLIC
        if not name.startswith(_OWN_ACCOUNT)
        and not name.endswith(("_file", "_plot"))
        and name != "reports"  # the first
    }
    return pages ^ ADDRESSES.keys()


def _filled(made: World, wanted: ConsoleFill) -> dict[str, str]:
    """A filled ledger with the console's role and tables; returns the environment of its processes."""
    name = "console_" + "_".join(map(str, (wanted.finished, *wanted.waiting.values())))
    url = made.ledger(name, fresh=False)
    given = console_environment(made, name)
    services = Services(made.settings(url, given["HCC_DOSSIER_URL"]))
    if not is_filled(services.ledger):
        fill_console(services, wanted)
    schedule(services)
    services.close()
    made.checkpoint()
    return given


def console_environment(made: World, ledger: str) -> dict[str, str]:
    """The environment of processes on this ledger, by name: with the console's role, and a Redis without anything."""
    made.servers.create_role(ROLE, role_statements())
    given = environment(made.servers.database_url(ledger), no_dossiers(made), made.servers.redis_url()) | {
        "HCC_CONSOLE_DATABASE_URL": made.servers.postgres.url_as(ROLE, ledger),
        "HCC_LOG_LEVEL": "WARNING",
    }
    with Redis.from_url(given["HCC_REDIS_URL"]) as redis:
        redis.flushdb()
    return given


def started(stack: ExitStack, made: World, given: Mapping[str, str]) -> ConsoleBench:
    """Start both processes and sign an administrator in, who may see every page."""
    hcc(given, "migrate")
    name, password = f"bench{secrets.token_hex(4)}", secrets.token_urlsafe(20)
    hcc(given, "account", "add", name, "--role", "admin", "--by", BY, "--why", WHY, typed=password)
    ports = {"console": _free_port(), "web": _free_port()}
    both = {**given, "HCC_CONSOLE_PORT": str(ports["console"]), "PORT": str(ports["web"])}
    processes = stack.enter_context(Processes([], both, BENCH / "logs"))
    pids = {one: processes.start(one, procfile()[one]).pid for one in ports}
    for port in ports.values():
        _wait_for(port)
    console = f"http://127.0.0.1:{ports['console']}"
    cookies = asyncio.run(sign_in(console, name, password))
    there = SignedIn(console, cookies, _addresses(made, given))
    return ConsoleBench(there, f"http://127.0.0.1:{ports['web']}{hooks.PATH}", pids)


def _addresses(made: World, given: Mapping[str, str]) -> dict[str, list[str]]:
    """The addresses of each page; those of dossiers and people are many, so that no row is in memory by habit."""
    services = Services(made.settings(given["HCC_DATABASE_URL"], given["HCC_DOSSIER_URL"]))
    with services.ledger.connect() as connection:
        ask = text("SELECT code, person_id FROM notices WHERE id % (1 + (SELECT max(id) FROM notices) / :most) = 0")
        found = connection.execute(ask, {"most": _CODES}).all()
        act = connection.execute(text("SELECT max(id) FROM acts")).scalar_one()
        middle = connection.execute(text("SELECT (min(id) + max(id)) / 2 FROM notices WHERE state = 'unreachable'"))
        fixed = {"act": act, "middle": middle.scalar_one()}
    services.close()
    return {
        name: sorted({
            address.format(code=row.code, person=row.person_id, unknown=f"{row.code}9999", **fixed) for row in found
        })
        for name, address in {**ADDRESSES, **FURTHER}.items()
    }  # fmt: skip


def _cpu_of_pages(report: Report, bench: ConsoleBench, made: World, given: Mapping[str, str]) -> None:
    """The same pages made in this process."""
    settings = made.settings(
        given["HCC_DATABASE_URL"],
        given["HCC_DOSSIER_URL"],
        HCC_CONSOLE_DATABASE_URL=given["HCC_CONSOLE_DATABASE_URL"],
    )
    oa = settings.zalo_oa_id
    console = open_console({oa: Oa(oa, oa, settings)})
    spent = cpu_of_pages(get_wsgi_application(), bench.console.cookies, bench.console.pages, _CPU_ROUNDS)
    console.close()
    mean = sum(spent.values()) / len(spent)
    report.text(
        f"**CPU of a page**, in process, by `time.process_time`: the mean of {_CPU_ROUNDS}. To be held: "
        f"{ms(CPU_SECONDS)} for the mean of all pages."
    )
    report.table(("page", "CPU"), [(name, ms(seconds)) for name, seconds in spent.items()])
    report.promises([("ms of CPU, mean of all pages", mean * 1000, f"< {CPU_SECONDS * 1000:.0f}", mean < CPU_SECONDS)])


def pages_alone(report: Report, bench: ConsoleBench, rounds: int) -> None:
    tell(f"each page {rounds} times")
    before = cpu_seconds([bench.pids["console"]])[bench.pids["console"]]
    clicks = asyncio.run(ask_in_turn(bench.console, rounds))
    spent = cpu_seconds([bench.pids["console"]])[bench.pids["console"]] - before
    report.text(
        f"**Each page alone**: all pages in turn, {rounds} times, one after the other, over HTTP to the last byte. The "
        f"first round is left out. To be held: p95 below {ms(PAGE_SECONDS)}. The console's own CPU is "
        f"{ms(spent / (len(clicks) + len(bench.console.pages)))} a page."
    )
    took = {name: [click for click in clicks if click.page == name] for name in bench.console.pages}
    report.table(
        ("page", "size", "p50", "p95", "slowest"),
        [(f"{name}", f"{max(one.size for one in some) / 1024:.0f} kB", *_spread(some)) for name, some in took.items()],
    )
    worst = max(percentile([one.seconds for one in some], 0.95) for some in took.values())
    report.promises(
        [("ms, p95 of the slowest page", worst * 1000, f"< {PAGE_SECONDS * 1000:.0f}", worst < PAGE_SECONDS)]
    )


def _spread(clicks: Sequence[Click]) -> tuple[str, str, str]:
    took = [click.seconds for click in clicks]
    return ms(percentile(took, 0.5)), ms(percentile(took, 0.95)), ms(max(took))


def _beside_events(report: Report, bench: ConsoleBench, options: argparse.Namespace) -> None:
    events = hooks.events(2 * options.events * options.seconds)
    half = len(events) // 2
    asyncio.run(hooks.send(bench.hooks, [(b"{}", {})] * 500, 250))  # warm-up
    tell(f"{options.events} events a second, nobody clicks")
    quiet = asyncio.run(hooks.send(bench.hooks, events[:half], options.events))
    tell(f"{options.events} events a second, {_PEOPLE} people click")
    before = cpu_seconds(bench.pids.values())
    clicks, loud = _both(bench, events[half:], options)
    spent = {name: cpu_seconds([pid])[pid] - before[pid] for name, pid in bench.pids.items()}
    report.text(
        f"**Zalo's events while {_PEOPLE} people click**: {options.events} events a second for {options.seconds} s, "
        "from the moment at which each should have left to its 200; first alone, then beside people who click any of "
        f"the pages above, {options.clicks:g} a second together if the console keeps up. "
        + _clicks_said(clicks, options.seconds)
        + f" Of a core: {', '.join(f'{name} {used / options.seconds:.0%}' for name, used in spent.items())}."
    )
    rows = [("nobody clicks", quiet), (f"{_PEOPLE} people click", loud)]
    report.table(("the answers to events", "p50", "p99", "slowest"), [(what, *_shares(took)) for what, took in rows])
    p99 = percentile(loud, 0.99)
    report.promises([("ms, p99 of the answers", p99 * 1000, f"< {EVENT_SECONDS * 1000:.0f}", p99 < EVENT_SECONDS)])


def _clicks_said(clicks: Sequence[Click], seconds: int) -> str:
    faults = Counter(click.status for click in clicks if click.status != HTTPStatus.OK)
    said = ", ".join(f"{number} × {status}" for status, number in sorted(faults.items())) or "none"
    half, most, _ = _spread(clicks)
    return (
        f"It answered {len(clicks):,} pages, {len(clicks) / seconds:.0f} a second, p50 {half}, p95 {most}; "
        f"other answers than 200: {said}."
    )


def _shares(took: Sequence[float]) -> tuple[str, str, str]:
    return ms(percentile(took, 0.5)), ms(percentile(took, 0.99)), ms(max(took))


def _both(
    bench: ConsoleBench, events: Sequence[hooks.Request], options: argparse.Namespace
) -> tuple[list[Click], list[float]]:
    """Click in a process of its own, so that reading pages does not delay the events."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as people:
        people.submit(callable, click_together).result()  # that process has imported what it needs
        clicking = people.submit(click_together, bench.console, _PEOPLE, options.clicks, options.seconds)
        took = asyncio.run(hooks.send(bench.hooks, events, options.events))
        return clicking.result(), took


def hcc(given: Mapping[str, str], *words: str, typed: str = "") -> None:
    """Run a command of ours. Raises `CalledProcessError`."""
    command = [str(Path(sys.executable).parent / "hcc"), *words]
    subprocess.run(command, env={**os.environ, **given}, input=typed, text=True, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (our own)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("a process does not listen")


if __name__ == "__main__":
    main()
