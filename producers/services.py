"""The services of a process's producers: one ledger for all OAs, and a poller and an applier for each, when needed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock

from config.oas import Oa, common_settings
from coordination.connection import QueueDown
from coordination.cooldowns import Cooldowns
from ground.cached import cached_property
from ground.ground import Ground
from ledger.base.encoding import encoding_fault
from ledger.base.setbacks import PRODUCER
from producers.dossiers.poll import Poller, build_poller
from producers.hooks.ability import event_reader
from producers.hooks.apply import Applier, build_applier

log = logging.getLogger("hcc.producers")

_EARLY = 0.5  # of a bell's interval: an OA that rests for five intervals is polled at the fifth bell, not the sixth


class ProducerServices:
    """Shared by all threads of a process. Needs the ledger from its first use on."""

    def __init__(self, oas: Mapping[str, Oa]) -> None:
        self._settings = {oa: one.settings for oa, one in oas.items()}
        common = common_settings(oas)
        self._bell_seconds = common.poll_seconds
        self._ground = Ground(common, PRODUCER)
        self.ledger = self._ground.ledger
        self.reader = event_reader(self._ground.sealer)
        self._rests = Cooldowns(self._ground.redis)
        self._pollers: dict[str, Poller] = {}
        self._appliers: dict[str, Applier] = {}
        self._lock = Lock()

    @property
    def oas(self) -> list[str]:
        """The ids of the OAs."""
        return list(self._settings)

    @property
    def several(self) -> bool:
        """Whether there is more than one OA."""
        return len(self._settings) > 1

    def due(self) -> list[str]:
        """The OAs to poll at this bell, which rings at the shortest of their intervals; some OAs have a longer one.

        A longer interval is shared by all processes; without Redis such an OA is polled at every bell.
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
        with self._lock:
            if oa not in self._pollers:
                self._pollers[oa] = build_poller(self._settings[oa], self.ground)
            return self._pollers[oa]

    def break_off(self, oa: str) -> None:
        """Cut the overdue connections to the dossier database of an OA."""
        if oa in self._pollers:
            self._pollers[oa].break_off()

    def applier(self, oa: str) -> Applier:
        """The applier of the events of an OA."""
        with self._lock:
            if oa not in self._appliers:
                self._appliers[oa] = build_applier(self._settings[oa], self.ground)
            return self._appliers[oa]

    @cached_property
    def ground(self) -> Ground:
        """The ground, once the ledger was reached; then an encoding fault is logged, once per process.

        A ledger that is not UTF-8 works, but may corrupt Vietnamese text.
        """
        with self.ledger.connect() as connection:
            if fault := encoding_fault(connection):
                log.error("encoding fault: %s", fault)
        return self._ground
