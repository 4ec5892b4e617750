"""What the producers of a process work with: all OAs, on one ledger; a poller and an applier for each, when needed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock

from config.oas import Oa, common_settings
from producers.dossiers.poll import Poller, build_poller
from producers.hooks.ability import event_reader
from producers.hooks.apply import Applier, build_applier
from worker.ledger.encoding import encoding_fault
from worker.ledger.engine import open_ledger
from worker.ledger.people import People
from worker.ledger.sealing import Sealer
from worker.ledger.setbacks import PRODUCER
from worker.queue.connection import QueueDown, open_redis
from worker.queue.rests import Rests

log = logging.getLogger("hcc.producers")

_EARLY = 0.5  # of a bell's interval: an OA that rests for five intervals is polled at the fifth bell, not the sixth


class Office:
    """For every thread of a process. Needs the ledger from its first use on."""

    def __init__(self, oas: Mapping[str, Oa]) -> None:
        self._settings = {oa: one.settings for oa, one in oas.items()}
        common = common_settings(oas)
        self._bell_seconds = common.poll_seconds
        self.ledger = open_ledger(common.database_url, name=PRODUCER)
        self._sealer = Sealer(common.secret_keys)
        self.reader = event_reader(self._sealer)
        self._rests = Rests(open_redis(common.redis_url))
        self._people: People | None = None
        self._pollers: dict[str, Poller] = {}
        self._appliers: dict[str, Applier] = {}
        self._lock = Lock()

    @property
    def oas(self) -> list[str]:
        """The ids."""
        return list(self._settings)

    @property
    def several(self) -> bool:
        """Whether there is more than one OA."""
        return len(self._settings) > 1

    def due(self) -> list[str]:
        """The OAs to poll at this bell: it rings at the shortest of their intervals, and some have a longer one.

        A longer one is counted for all processes together; without Redis such an OA is polled at every bell.
        """
        longer = {
            f"poll:{oa}": settings.poll_seconds - self._bell_seconds * _EARLY
            for oa, settings in self._settings.items()
            if settings.poll_seconds > self._bell_seconds
        }
        try:
            over = set(self._rests.over(longer)) if longer else set()
        except QueueDown:
            over = set(longer)
        return [oa for oa in self._settings if f"poll:{oa}" not in longer or f"poll:{oa}" in over]

    def poller(self, oa: str) -> Poller:
        """The poller of an OA. Raises `MappingError`, `SourceError` (no driver)."""
        people = self.people()
        with self._lock:
            if oa not in self._pollers:
                self._pollers[oa] = build_poller(self._settings[oa], self.ledger, people)
            return self._pollers[oa]

    def break_off(self, oa: str) -> None:
        """End what waits in vain for the dossier database of an OA."""
        if oa in self._pollers:
            self._pollers[oa].break_off()

    def applier(self, oa: str) -> Applier:
        """What draws the consequences of the events of an OA."""
        people = self.people()
        with self._lock:
            if oa not in self._appliers:
                self._appliers[oa] = build_applier(self._settings[oa], self.ledger, people)
            return self._appliers[oa]

    def people(self) -> People:
        """The people of the ledger; they share one key, whichever OA they belong to."""
        with self._lock:
            if self._people is None:
                self._people = People.of(self.ledger, self._sealer)
                self._say_encoding()
            return self._people

    def _say_encoding(self) -> None:
        """Once a process: a ledger that is not UTF-8 goes on, and may spoil Vietnamese words."""
        with self.ledger.connect() as connection:
            if fault := encoding_fault(connection):
                log.error("%s", fault)
