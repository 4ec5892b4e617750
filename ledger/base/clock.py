"""The ledger's clock: only it decides what is due, whatever the clock of a worker's host shows (incident 17)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

_TRUSTED_SECONDS = 10.0  # how long this host's monotonic clock extends one reading


def now(tx: Connection) -> datetime:
    """The ledger's time at this moment (UTC)."""
    moment: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


EARLIER = "LEAST(clock_timestamp(), CAST(:host_now AS timestamptz))"
"""SQL: the earlier of the ledger's time and this host's. A row too old by it is too old by both clocks, so a jump of
one clock discards nothing. For rows that vanish without a report to anybody. All else uses `worker.services.clocks`.
"""


DAY = "CAST({moment} AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)"
"""SQL: the day of a moment by Vietnam's calendar, to be formatted."""


def host_now() -> dict[str, Any]:
    """The bind parameter of `EARLIER`."""
    return {"host_now": datetime.now(UTC)}


class LedgerClock:
    """The ledger's time without a query per call: a host's clock may jump by an hour, its monotonic clock does not."""

    def __init__(self, ledger: Engine) -> None:
        self._ledger = ledger
        self._read: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """The ledger's time (UTC), late by the query's duration: a time set to now is due in the ledger at once."""
        if self._read is None or time.monotonic() - self._read[0] > _TRUSTED_SECONDS:
            with self._ledger.connect() as connection:
                moment = now(connection)
            self._read = time.monotonic(), moment
        at, moment = self._read
        return moment + timedelta(seconds=time.monotonic() - at)
