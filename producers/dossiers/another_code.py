"""Renames dossiers whose code has changed: their notices follow, and nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from domain.dossier import Change
from ledger.notices import renames

_BY = "producer"


def renamed(tx: Connection, oa: str, changes: Iterable[Change | None]) -> Mapping[str, str]:
    """Give the new code to the notices of these dossiers that have not left; returns the former codes, by code.

    Must be called before anything is recorded or compared. Costs nothing if the mapping names neither column.
    """
    dossiers = {change.dossier.code: change.dossier for change in changes if change is not None}
    named = [one for one in dossiers.values() if one.former_code or one.stable_key]
    if not named:
        return {}
    found = renames.formers(tx, oa, {one.stable_key: one.code for one in named if one.stable_key})
    found |= {one.code: one.former_code for one in named if one.former_code and one.former_code != one.code}
    renames.rename(tx, oa, found, {one.code: one.source_code or one.code for one in named}, by=_BY)
    return found
