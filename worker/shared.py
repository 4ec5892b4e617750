"""What all OAs of a process have in common, made once: 34 of them have one pool of connections, not 34."""

from __future__ import annotations

import os
import platform
from typing import TypedDict

from redis import Redis
from sqlalchemy import Engine

from config.settings import ROOT, Settings
from worker.clocks import SecondClock
from worker.domain.letters import Letters
from worker.ledger.clock import LedgerClock
from worker.ledger.credentials import Credentials
from worker.ledger.engine import open_ledger
from worker.ledger.people import People
from worker.ledger.sealing import Sealer
from worker.once import Parts, once
from worker.queue.breaker import Breaker
from worker.queue.clocks import ClockBoard
from worker.queue.connection import open_redis
from worker.queue.holds import Holds
from worker.queue.limits import Limiter
from worker.queue.marks import Marks
from worker.queue.schedule import Schedule
from worker.setbacks import LedgerWatch
from worker.wire.curl import CurlWire
from worker.wire.plain import RequestsWire
from worker.wire.protocol import Wire

TEMPLATES = ROOT / "templates"


class Way(TypedDict):
    """The proxy to go by (empty: none), and the certificate authorities to trust in place of the usual ones."""

    proxy: str
    ca_file: str | None


class Shared(Parts):
    """Everything that needs no OA to be made; of `settings` only what is the whole deployment's is read."""

    def __init__(self, settings: Settings, program: str = "hcc") -> None:
        """`program` is what the ledger shows of our connections: who works on it (`setbacks.workers`)."""
        super().__init__()
        self.settings = settings
        self._program = program

    @once
    def name(self) -> str:
        """Who moved a notice, as history tells it: host and process."""
        return f"worker {platform.node()}/{os.getpid()}"

    @once
    def ledger(self) -> Engine:
        return open_ledger(self.settings.database_url, name=self._program)

    @once
    def clock(self) -> LedgerClock:
        return LedgerClock(self.ledger)

    @once
    def sealer(self) -> Sealer:
        return Sealer(self.settings.secret_keys)

    @once
    def people(self) -> People:
        return People.of(self.ledger, self.sealer)

    @once
    def credentials(self) -> Credentials:
        return Credentials(self.sealer)

    @once
    def letters(self) -> Letters:
        return Letters(TEMPLATES)

    @once
    def wire(self) -> Wire:
        """For the ordinary calls: tokens, templates, followers."""
        return RequestsWire(self.settings.answer_seconds, **self.way)

    def open_sender(self) -> Wire:
        """A wire for sends, hundreds at once; to be opened in the process, and for the thread, that delivers."""
        return CurlWire(self.settings.answer_seconds, self.settings.zalo_connections, **self.way)

    @property
    def way(self) -> Way:
        """How every wire gets to the providers."""
        return {"proxy": self.settings.proxy, "ca_file": self.settings.ca_file or None}

    @once
    def redis(self) -> Redis:
        """One client, and so one pool of connections, for all that is kept there."""
        return open_redis(self.settings.redis_url)

    @once
    def clock_board(self) -> ClockBoard:
        return ClockBoard(self.redis)

    @once
    def second_clock(self) -> SecondClock:
        """Asked before anything that cannot be undone."""
        return SecondClock(self.redis)

    @once
    def limiter(self) -> Limiter:
        return Limiter(self.redis)

    @once
    def holds(self) -> Holds:
        return Holds(self.redis)

    @once
    def marks(self) -> Marks:
        return Marks(self.redis)

    @once
    def breaker(self) -> Breaker:
        return Breaker(self.redis)

    @once
    def schedule(self) -> Schedule:
        return Schedule(self.redis)

    @once
    def ledger_watch(self) -> LedgerWatch:
        return LedgerWatch(self.ledger, self.redis)

    def close(self) -> None:
        """Give back connections; used by short-lived commands and tests."""
        for open_part in self.made("wire", "redis"):
            open_part.close()
        for ledger in self.made("ledger"):
            ledger.dispose()
