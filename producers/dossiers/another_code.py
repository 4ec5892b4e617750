"""Dossiers that have another code than before: their notices go with them, and nothing is told of them twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from worker.domain.dossier import Change
from worker.ledger import renames

_BY = "producer"


def renamed(tx: Connection, oa: str, changes: Iterable[Change | None]) -> Mapping[str, str]:
    """The former codes of these dossiers, by code. What has not left bears the new one from here on.

    To be called before anything is recorded or compared. Costs nothing where the mapping names neither column.
    """
    dossiers = {change.dossier.code: change.dossier for change in changes if change is not None}
    named = [one for one in dossiers.values() if one.former_code or one.stable_key]
    if not named:
        return {}
    found = renames.formers(tx, oa, {one.stable_key: one.code for one in named if one.stable_key})
    found |= {one.code: one.former_code for one in named if one.former_code and one.former_code != one.code}
    renames.rename(tx, oa, found, {one.code: one.source_code or one.code for one in named}, by=_BY)
    return found
