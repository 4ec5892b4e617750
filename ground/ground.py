"""Builds from the settings what worker, producers and web stand on: one ledger pool, one Redis pool, the keys."""

from __future__ import annotations

from redis import Redis
from sqlalchemy import Engine

from config.settings import Settings
from coordination.connection import open_redis
from ground.cached import cached_property
from ledger.base.clock import LedgerClock
from ledger.base.engine import open_ledger
from ledger.base.sealing import Sealer
from ledger.people.people import People


class Ground:
    """The parts that both halves share, for all OAs of a process; only deployment-wide settings are read.

    Each part is made on first use: a command such as `hcc preview` has no settings for the others. Thread-safe.
    """

    def __init__(self, settings: Settings, program: str = "hcc", ledger: Engine | None = None) -> None:
        """`program` is the name of our connections in the ledger; it shows who works on it (`setbacks.workers`).

        `ledger` is an engine to use in place of one for `settings.database_url`.
        """
        self.settings = settings
        self._program = program
        self._ledger = ledger

    @cached_property
    def ledger(self) -> Engine:
        return self._ledger or open_ledger(self.settings.database_url, name=self._program)

    @cached_property
    def clock(self) -> LedgerClock:
        return LedgerClock(self.ledger)

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.settings.secret_keys)

    @cached_property
    def people(self) -> People:
        """The people of the ledger; one key serves them all, whichever OA they belong to. Needs the ledger."""
        return People.of(self.ledger, self.sealer)

    @cached_property
    def redis(self) -> Redis:
        """One client, and so one connection pool, for all uses of Redis."""
        return open_redis(self.settings.redis_url)

    def close(self) -> None:
        """Close the connections that were opened; for short-lived commands and tests."""
        if "redis" in vars(self):
            self.redis.close()
        if "ledger" in vars(self):
            self.ledger.dispose()
