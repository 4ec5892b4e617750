"""Which kinds a province tells: `[kinds]` of its mapping, with exceptions for units and what is below them.

A mapping belongs to one OA: another OA that reads the same database has a mapping, and so switches, of its own.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from worker.domain.code import modern_unit
from worker.domain.kinds import KINDS, OF_DOSSIERS

_NEEDS = {
    "refused": "taken_back",
    "supplement_reminder": "deadline_at",
}
"""The column without which a kind would be told wrongly, or never."""


def _kind(name: str) -> str:
    if name not in OF_DOSSIERS:
        raise ValueError("không có loại thông báo này")
    return name


KindName = Annotated[str, AfterValidator(_kind)]
Unit = Annotated[str, AfterValidator(modern_unit)]


class Kinds(BaseModel):
    """`told`: the switches of the whole province; `units`: exceptions, the nearest unit above a dossier's decides."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    told: dict[KindName, bool] = Field({}, description=f"true hoặc false cho một trong: {', '.join(OF_DOSSIERS)}")
    units: dict[Unit, dict[KindName, bool]] = Field(
        {}, description='bảng [kinds.units."MÃ"]: true hoặc false cho loại thông báo của đơn vị ấy'
    )

    @model_validator(mode="before")
    @classmethod
    def _sorted(cls, table: Any) -> Any:
        """In the file the switches stand beside `units`, without a name of their own."""
        if not isinstance(table, dict):
            return table
        return {"told": {name: on for name, on in table.items() if name != "units"}, "units": table.get("units", {})}

    def of(self, unit: str | None) -> frozenset[str]:
        """The kinds that a dossier of this unit is told."""
        switches = {kind.name: kind.on for kind in KINDS if kind.rule} | self.told
        for above in _line(unit):
            switches |= self.units.get(above, {})
        return frozenset(name for name, on in switches.items() if on)

    def anywhere(self) -> frozenset[str]:
        """The kinds that are told somewhere."""
        return self.of(None).union(*(self.of(unit) for unit in self.units))


def needs(kinds: Kinds) -> dict[str, str]:
    """The columns that the kinds that are told somewhere cannot do without, each with why."""
    told = kinds.anywhere()
    return {column: f"kinds.{kind} được bật" for kind, column in _NEEDS.items() if kind in told}


def _line(unit: str | None) -> list[str]:
    """'H27.37.5' → ['H27', 'H27.37', 'H27.37.5']: from the root to the unit."""
    groups = unit.split(".") if unit else []
    return [".".join(groups[: length + 1]) for length in range(len(groups))]
