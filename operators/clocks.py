"""By how much each clock differs from the ledger's: for `hcc doctor` and for Prometheus."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from prometheus_client import CollectorRegistry, Gauge

from worker.bootstrap import Services
from worker.clocks import read
from worker.queue.connection import QueueDown
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply

FAR = timedelta(seconds=5)
"""A clock that is further off is a fault: times in history mislead, and it will not stay at that. What works by clocks
bears three minutes (bells) and five (`worker.clocks.TOLERANCE`)."""

_HALF = timedelta(seconds=0.5)  # what the Date of an answer leaves out on average


def clocks_ahead(made: Services) -> dict[str, timedelta]:
    """How far each clock is ahead of the ledger's: `host` (this one), `redis`, and `worker NAME` of each host.

    What cannot be read is left out. Each worker says itself how far its host is off (`worker.clocks.publish_clock`).
    """
    with made.ledger.connect() as connection:
        shown = read(connection, made.shared.redis)
    ahead = {"host": shown.host - shown.ledger}
    if shown.redis is not None:
        ahead["redis"] = shown.redis - shown.ledger
        try:
            hosts = made.shared.clock_board.hosts()
        except QueueDown:
            hosts = {}
        ahead |= {f"worker {host}": off + ahead["redis"] for host, off in hosts.items()}
    return ahead


def zalo_ahead(made: Services, host_ahead: timedelta) -> timedelta | str:
    """How far Zalo's clock is ahead of the ledger's, by the Date of any answer (RFC 9110, 6.6.1); or why it is unknown.

    The question bears no token, and is none of the calls that Zalo counts.
    """
    before = time.monotonic()
    result = ask(made.wire, Call(0, "GET", made.settings.zalo_openapi_url, {}))
    if not isinstance(result, Reply):
        return result.why
    try:
        shown = parsedate_to_datetime(result.headers.get("date", "")) + _HALF
    except ValueError:
        return "no Date in its answer"
    half_way = timedelta(seconds=(time.monotonic() - before) / 2)
    return shown - (datetime.now(UTC) - half_way) + host_ahead


def measure_clocks(registry: CollectorRegistry, made: Services) -> None:
    """A gauge for each clock but Zalo's, which is not asked at each scrape."""
    told = "How far a clock is ahead of the ledger's"
    gauge = Gauge("hcc_clock_offset_seconds", told, ["clock"], registry=registry)
    for clock, ahead in clocks_ahead(made).items():
        gauge.labels(clock).set(ahead.total_seconds())
