"""The kinds that a province tells: `[kinds]` of its mapping, with exceptions for units and the units below them.

A mapping belongs to one OA: another OA that reads the same database has its own mapping, and so its own switches.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.code import modern_unit
from domain.kinds import KINDS, OF_DOSSIERS
from domain.units import line

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
    """`told`: the switches of the whole province; `units`: exceptions, of which the one nearest to the unit counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    told: dict[KindName, bool] = Field({}, description=f"true hoặc false cho một trong: {', '.join(OF_DOSSIERS)}")
    units: dict[Unit, dict[KindName, bool]] = Field(
        {}, description='bảng [kinds.units."MÃ"]: true hoặc false cho loại thông báo của đơn vị ấy'
    )

    @model_validator(mode="before")
    @classmethod
    def _sorted(cls, table: Any) -> Any:
        """In the file the switches are next to `units`, without a name of their own."""
        if not isinstance(table, dict):
            return table
        return {"told": {name: on for name, on in table.items() if name != "units"}, "units": table.get("units", {})}

    def of(self, unit: str | None) -> frozenset[str]:
        """The kinds that are told for a dossier of this unit."""
        switches = {kind.name: kind.on for kind in KINDS if kind.rule} | self.told
        for above in line(unit) if unit else ():
            switches |= self.units.get(above, {})
        return frozenset(name for name, on in switches.items() if on)

    def anywhere(self) -> frozenset[str]:
        """The kinds that are told for any unit."""
        return self.of(None).union(*(self.of(unit) for unit in self.units))


def needs(kinds: Kinds) -> dict[str, str]:
    """The columns required by the kinds that are told for any unit, each with the reason."""
    told = kinds.anywhere()
    return {column: f"kinds.{kind} được bật" for kind, column in _NEEDS.items() if kind in told}
