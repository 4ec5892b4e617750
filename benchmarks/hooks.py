"""Zalo's events at 500 a second: all recorded once, and how long Zalo waits for its 200.

    .venv/bin/python -m benchmarks.hooks [--rate 500] [--seconds 60]

Real PostgreSQL, Valkey and the `web` process of the Procfile; events are signed beforehand and sent at fixed moments
(open loop: a slow answer does not slow the sender down, and counts from the moment at which it should have left). The
same is then done to the same server without recording: probes (`{}`), which pass the same door and touch no ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from sqlalchemy import text

from benchmarks.measure import cpu_seconds, percentile
from benchmarks.report import Report, ms
from benchmarks.world import tell
from ledger.base.engine import open_ledger
from ledger.migrate import migrate
from operators.processes import Processes
from operators.world import SANDBOX_ZALO
from producers.hooks.signature import signature
from sandbox.servers import Servers

APP, OA = SANDBOX_ZALO["HCC_ZALO_APP_ID"], SANDBOX_ZALO["HCC_ZALO_OA_ID"]
SECRET = SANDBOX_ZALO["HCC_ZALO_OA_SECRET"]
PATH = "/hooks/zalo"
Request = tuple[bytes, dict[str, str]]


def main() -> None:
    """Run it and print the figures."""
    report = Report("hooks", "Zalo's events at a fixed rate")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    number = options.rate * options.seconds
    with tempfile.TemporaryDirectory(prefix="hcc-bench-") as folder, Servers(Path(folder)) as servers:
        os.chmod(folder, 0o755)  # noqa: S103, PTH101 (the servers run as another user)
        servers.create_database("ledger")
        ledger = open_ledger(servers.database_url("ledger"))
        migrate(ledger)
        port = _free_port()
        environment = SANDBOX_ZALO | {
            "HCC_DATABASE_URL": servers.database_url("ledger"),
            "HCC_DOSSIER_URL": servers.database_url("ledger"),
            "HCC_REDIS_URL": servers.redis_url(),
            "HCC_SECRET_KEYS": "a-key-for-the-benchmark-0123456789",
            "HCC_LOG_LEVEL": "WARNING",
            "PORT": str(port),
        }
        with Processes([], environment, Path(folder)) as processes:
            web = processes.start("web", "hcc web")
            url = f"http://127.0.0.1:{port}{PATH}"
            _wait_for(port)
            asyncio.run(send(url, [(b"{}", {})] * 500, 250))  # warm-up
            rows = []
            for what, requests in (("recording", events(number)), ("answering only", [(b"{}", {})] * number)):
                tell(f"{what}: {options.rate} a second for {options.seconds} s")
                before = cpu_seconds([web.pid])[web.pid]
                took = asyncio.run(send(url, requests, options.rate))
                rows.append(row(what, took, cpu_seconds([web.pid])[web.pid] - before))
        with ledger.connect() as connection:
            recorded = connection.execute(text("SELECT count(*) FROM zalo_events")).scalar_one()
        ledger.dispose()
    report.text(
        f"{options.rate} events a second for {options.seconds} s, from the moment at which each should have left to "
        f"its 200. Sent {number:,}, recorded {recorded:,}. To be held: p99 below 200 ms."
    )
    report.table(("the web process", "p50", "p99", "slowest", "CPU an event"), rows)
    report.write()


def events(number: int) -> list[Request]:
    """Signed events of a busy day: people who write, messages that are delivered and seen."""
    made = []
    start = int(time.time() * 1000)
    for one in range(number):
        user, oa = {"id": str(6_142_494_823_000_000_000 + one % 20_000)}, {"id": OA}
        name, message, sender = (
            ("user_send_text", {"msg_id": f"{one:020x}", "text": "Hồ sơ của tôi đến đâu rồi?"}, user),
            ("user_received_message", {"msg_id": f"{one:020x}"}, oa),
            ("user_seen_message", {"msg_ids": [f"{one:020x}"]}, oa),
        )[one % 3]
        whole = {"app_id": APP, "event_name": name, "timestamp": str(start), "message": message}
        parties = {"sender": sender, "recipient": oa if sender is user else user}
        body = json.dumps(whole | parties, ensure_ascii=False).encode()
        mac = "mac=" + signature(APP, body, str(start), SECRET)
        made.append((body, {"X-ZEvent-Signature": mac, "Content-Type": "application/json"}))
    return made


async def send(url: str, requests: Sequence[Request], rate: int) -> list[float]:
    """Send each event at its moment; returns the seconds from that moment to the answer, for each."""
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:
        start = time.monotonic() + 0.5

        async def one(moment: float, request: Request) -> None:
            async with session.post(url, data=request[0], headers=request[1]) as answer:
                if answer.status != 200:  # noqa: PLR2004 (HTTP's status for success)
                    raise RuntimeError(f"answered {answer.status}")
            took.append(time.monotonic() - moment)

        async with asyncio.TaskGroup() as tasks:
            for number, request in enumerate(requests):
                moment = start + number / rate
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
                tasks.create_task(one(moment, request))
    return took


def row(what: str, took: Sequence[float], cpu: float) -> tuple[str, ...]:
    """Format one line of figures."""
    spread = (percentile(took, 0.5), percentile(took, 0.99), max(took))
    return (what, *map(ms, spread), ms(cpu / len(took)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the web process does not listen")


if __name__ == "__main__":
    main()
