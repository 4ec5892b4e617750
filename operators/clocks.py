"""The offset of each clock from the ledger's, for `hcc doctor` and for `/metrics`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from coordination.connection import QueueDown
from worker.services.bootstrap import Services
from worker.services.clocks import read
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply

FAR = timedelta(seconds=5)
"""A larger offset is a fault: times in history mislead, and the offset will grow. The functions that depend on clocks
tolerate three minutes (bells) and five (`worker.services.clocks.TOLERANCE`)."""

_HALF = timedelta(seconds=0.5)  # Date has whole seconds; this is the average truncation


def clocks_ahead(made: Services) -> dict[str, timedelta]:
    """How far each clock is ahead of the ledger's: `host` (this one), `redis`, and `worker NAME` of each host.

    A clock that cannot be read is omitted. Each worker publishes its host's offset (`worker.services.clocks`).
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

    The request has no token, and Zalo does not count it against the limit.
    """
    before = time.monotonic()
    result = ask(made.client, Call(0, "GET", made.settings.zalo_openapi_url, {}))
    if not isinstance(result, Reply):
        return result.why
    try:
        shown = parsedate_to_datetime(result.headers.get("date", "")) + _HALF
    except ValueError:
        return "no Date in its answer"
    half_way = timedelta(seconds=(time.monotonic() - before) / 2)
    return shown - (datetime.now(UTC) - half_way) + host_ahead
