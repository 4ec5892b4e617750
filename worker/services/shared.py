"""Builds the parts of the worker that all OAs of a process share: 34 OAs have one connection pool, not 34."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import TypedDict

from config.settings import INSTALLED
from coordination.breaker import Breaker
from coordination.clocks import ClockBoard
from coordination.holds import Holds
from coordination.limits import Limiter
from coordination.marks import Marks
from coordination.schedule import Schedule
from domain.letters import Letters
from domain.template_source import TemplateSource, shipped_sources
from ground.cached import cached_property
from ground.ground import Ground
from ledger.zalo.credentials import Credentials
from worker.services.clocks import SecondClock
from worker.services.setbacks import LedgerWatch
from worker.wire.client import RequestsClient
from worker.wire.curl import CurlWire
from worker.wire.protocol import Client, Wire

TEMPLATES = INSTALLED / "templates"


class Way(TypedDict):
    """The proxy (empty: none), and the certificate authorities that replace the default ones (None: default)."""

    proxy: str
    ca_file: str | None


class Shared(Ground):
    """The ground, and all other parts of the worker that do not depend on an OA."""

    @cached_property
    def name(self) -> str:
        """The name under which history records who moved a notice: host and process."""
        return f"worker {platform.node()}/{os.getpid()}"

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.sealer)

    @cached_property
    def letters(self) -> Letters:
        """The texts in the files, and the samples."""
        return Letters(TEMPLATES)

    @cached_property
    def shipped(self) -> Mapping[str, TemplateSource]:
        """The templates of all kinds as they were shipped."""
        return shipped_sources(TEMPLATES)

    @cached_property
    def client(self) -> Client:
        """The client for ordinary calls: tokens, templates, followers."""
        return RequestsClient(self.settings.answer_seconds, **self.way)

    def open_sender(self) -> Wire:
        """Open a wire for hundreds of concurrent sends; call this in the process and thread that deliver."""
        return CurlWire(self.settings.answer_seconds, self.settings.zalo_connections, **self.way)

    @property
    def way(self) -> Way:
        """The proxy and CA options of every wire."""
        return {"proxy": self.settings.proxy, "ca_file": self.settings.ca_file or None}

    @cached_property
    def clock_board(self) -> ClockBoard:
        return ClockBoard(self.redis)

    @cached_property
    def second_clock(self) -> SecondClock:
        """The clock to consult before irreversible actions."""
        return SecondClock(self.redis)

    @cached_property
    def limiter(self) -> Limiter:
        return Limiter(self.redis)

    @cached_property
    def holds(self) -> Holds:
        return Holds(self.redis)

    @cached_property
    def marks(self) -> Marks:
        return Marks(self.redis)

    @cached_property
    def breaker(self) -> Breaker:
        return Breaker(self.redis)

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.redis)

    @cached_property
    def ledger_watch(self) -> LedgerWatch:
        return LedgerWatch(self.ledger, self.redis)

    def close(self) -> None:
        if "client" in vars(self):
            self.client.close()
        super().close()
