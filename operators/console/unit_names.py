"""The names of units, to stand beside their codes: read once a minute for everybody."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ledger.base import units
from operators.console import ground

_KEPT_SECONDS = 60.0
_kept: dict[str, tuple[float, Mapping[str, str]]] = {}


def unit_names(oa: str) -> Mapping[str, str]:
    """Code → name of the listed units of an OA. Raises the errors of `ledger.base.away.AWAY`."""
    at, names = _kept.get(oa, (0.0, {}))
    if oa not in _kept or time.monotonic() - at > _KEPT_SECONDS:
        with ground.reading() as connection:
            names = {unit.code: unit.name for unit in units.listed(connection, oa)}
        _kept[oa] = time.monotonic(), names
    return names


def forget() -> None:
    """Ask anew."""
    _kept.clear()
