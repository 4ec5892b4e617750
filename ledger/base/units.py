"""The list of units, and the one way to choose the notices of a unit.

A statement takes the codes as an array (`OF_UNITS`): the list is read before it, so no claim and no page joins it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import Connection, text

from domain.units import ListedUnit, UnitTree
from ledger.base.arrays import column

OF_UNITS = "(CAST(:units AS text[]) IS NULL OR (n.unit || '.') ^@ ANY (CAST(:units AS text[])))"
"""SQL: the notice `n` is of one of the units `:units` (see `meant`) or of one below them; NULL: of any or none."""

OF_UNITS_BY_INDEX = """
    unnest(CAST(:units AS text[])) AS meant (start)
    JOIN notices n ON n.unit COLLATE "C" >= rtrim(start, '.') AND n.unit COLLATE "C" < rtrim(start, '.') || '/'
    AND (n.unit || '.') ^@ start"""
"""SQL: the notices `n` of the units `:units`, each once, to read from; for an index by unit in the order of "C".

A code and those below it, which go on with a dot, lie before the same code with a slash: '/' follows '.' in that order.
"""

_COLUMNS = "code, name, parent, valid_from, valid_until, successor"


def listed(tx: Connection, oa: str) -> list[ListedUnit]:
    """The units of an OA, by code."""
    rows = tx.execute(text(f"SELECT {_COLUMNS} FROM units WHERE oa = :oa ORDER BY code"), {"oa": oa})
    return [ListedUnit(*row) for row in rows]


def one(tx: Connection, oa: str, code: str) -> ListedUnit | None:
    """The unit of this code; None if it is not listed."""
    query = text(f"SELECT {_COLUMNS} FROM units WHERE oa = :oa AND code = :code")
    found = tx.execute(query, {"oa": oa, "code": code}).first()
    return None if found is None else ListedUnit(*found)


def tree(tx: Connection, oa: str) -> UnitTree:
    """The units of an OA with their relations."""
    return UnitTree(listed(tx, oa))


def meant(tx: Connection, oa: str, unit: str | None) -> str | None:
    """The value of `:units` for a unit: its code, and those of its sub-units and of all their predecessors."""
    return None if unit is None else starts([tree(tx, oa)], unit)


def starts(trees: Iterable[UnitTree], unit: str) -> str:
    """The codes meant by a unit, each with a dot at its end, so that one comparison finds it and those below it."""
    return column(sorted({f"{code}." for one in trees for code in one.meant(unit)}))


@dataclass(frozen=True, slots=True)
class ListChange:
    """How the list of units changed: how many are new, different, removed, as before."""

    added: int
    changed: int
    removed: int
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def change(tx: Connection, oa: str, units: Iterable[ListedUnit], *, whole: bool) -> ListChange:
    """Write these units; `whole`: they are the whole list, so all others are removed."""
    before = {unit.code: unit for unit in listed(tx, oa)}
    after = {unit.code: unit for unit in units}
    gone = sorted(before.keys() - after.keys()) if whole else []
    new = [unit for code, unit in after.items() if code not in before]
    different = [unit for code, unit in after.items() if code in before and before[code] != unit]
    tx.execute(
        text("DELETE FROM units WHERE oa = :oa AND code = ANY(CAST(:codes AS text[]))"),
        {"oa": oa, "codes": column([*gone, *(unit.code for unit in different)])},
    )
    _insert(tx, oa, [*new, *different])
    return ListChange(len(new), len(different), len(gone), len(after) - len(new) - len(different))


_INSERT = f"""
INSERT INTO units (oa, {_COLUMNS})
SELECT :oa, * FROM unnest(
    CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:parents AS text[]),
    CAST(:since AS date[]), CAST(:until AS date[]), CAST(:successors AS text[]))
"""


def _insert(tx: Connection, oa: str, units: Sequence[ListedUnit]) -> None:
    if not units:
        return
    names = ("codes", "names", "parents", "since", "until", "successors")
    columns = zip(*(map(_plain, astuple(unit)) for unit in units), strict=True)
    tx.execute(text(_INSERT), {"oa": oa, **{name: column(values) for name, values in zip(names, columns, strict=True)}})


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)
