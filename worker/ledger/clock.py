"""The ledger's clock: what is due goes by it alone, whatever the clock of a worker's host says (incident 17)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

_TRUSTED_SECONDS = 10.0  # so long the monotonic clock of this host carries it on


def now(tx: Connection) -> datetime:
    """The ledger's time at this moment (UTC)."""
    moment: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


EARLIER = "LEAST(clock_timestamp(), CAST(:host_now AS timestamptz))"
"""In SQL the earlier of the ledger's time and this host's: what is too old by it is too old by both, so that a jump of
one of them throws nothing away. For rows of which nobody is told that they go; `worker.clocks` has what all else asks.
"""


def host_now() -> dict[str, Any]:
    """What `EARLIER` asks for."""
    return {"host_now": datetime.now(UTC)}


class LedgerClock:
    """The ledger's time without asking each time: a host's clock may jump by an hour, its monotonic clock does not."""

    def __init__(self, ledger: Engine) -> None:
        self._ledger = ledger
        self._read: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """The ledger's time (UTC), late by the time that its answer took: what is due now is not due in a moment."""
        if self._read is None or time.monotonic() - self._read[0] > _TRUSTED_SECONDS:
            with self._ledger.connect() as connection:
                moment = now(connection)
            self._read = time.monotonic(), moment
        at, moment = self._read
        return moment + timedelta(seconds=time.monotonic() - at)
