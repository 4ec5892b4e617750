"""Holds all OAs of this deployment, each with its services; the parts that they share are made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Engine

from config.oas import Oa, common_settings
from config.settings import SettingsError
from worker.services.bootstrap import Services
from worker.services.shared import Shared


class Deployment:
    """The OAs of `load_oas`, in the order of the file. Raises `SettingsError` with the faults of all OAs."""

    def __init__(self, oas: Mapping[str, Oa], program: str = "hcc", ledger: Engine | None = None) -> None:
        """`program` is the name of our connections in the ledger; `ledger` replaces the engine of the settings."""
        shared = Shared(common_settings(oas), program, ledger)
        self.names = {oa: one.name for oa, one in oas.items()}
        self._of: dict[str, Services] = {}
        faults = []
        for oa, one in oas.items():
            try:
                self._of[oa] = Services(one.settings, shared)
            except SettingsError as wrong:
                faults += [f"[{one.name}] {fault}" if self.several else fault for fault in wrong.faults]
        if faults:
            raise SettingsError(faults)
        self.shared = shared

    @property
    def several(self) -> bool:
        """Whether there is more than one OA."""
        return len(self.names) > 1

    @property
    def oas(self) -> list[str]:
        """The ids of the OAs."""
        return list(self._of)

    def __iter__(self) -> Iterator[Services]:
        return iter(self._of.values())

    def of(self, oa: str) -> Services:
        """The services of an OA. Raises `KeyError` for an OA that is not (or no longer) in this deployment."""
        return self._of[oa]

    def named(self, name: str) -> Services | None:
        """The services of the OA with this name or id; None if there is none."""
        found = [oa for oa, known in self.names.items() if name in (oa, known)]
        return self._of[found[0]] if found else None

    def close(self) -> None:
        """Close all connections."""
        for services in self:
            services.close()
        self.shared.close()
