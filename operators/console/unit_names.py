"""The names of units, to stand beside their codes: read once a minute for everybody."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.base import units
from operators.console import ground
from operators.console.kept import KeptAnswers

_names: KeptAnswers[Mapping[str, str]] = KeptAnswers(seconds=60)
forget = _names.forget


def unit_names(oa: str) -> Mapping[str, str]:
    """Code → name of the listed units of an OA. Raises the errors of `ledger.base.away.AWAY`."""

    def ask() -> Mapping[str, str]:
        with ground.reading() as connection:
            return {unit.code: unit.name for unit in units.listed(connection, oa)}

    return _names.get(oa, ask)
