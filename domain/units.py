"""The list of units: which units belong to a unit, and into which unit a merged one has gone.

On 2025-07-01 the middle tier of local government ended and communes were merged. Dossiers keep the code of the unit
that received them, so a question about a unit means its predecessors, too, and numbers fold into the successor.

    H27.30      thị xã Hồng Lĩnh    until 2025-06-30, successor H27
    H27.30.25   phường Bắc Hồng     until 2025-06-30, successor H27.115
    H27.115     phường Bắc Hồng Lĩnh  from 2025-07-01
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.code import is_unit_code

TWO_TIERS_SINCE = date(2025, 7, 1)
"""From this day on there are provinces and communes, and nothing in between."""


@dataclass(frozen=True, slots=True)
class ListedUnit:
    """A unit by the province's list. `valid_until` is its last day; None: no such day is known."""

    code: str
    name: str
    parent: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    successor: str | None = None

    def valid_on(self, day: date) -> bool:
        """Whether it exists on that day."""
        return (self.valid_from is None or self.valid_from <= day) and not self.over_on(day)

    def over_on(self, day: date) -> bool:
        """Whether its last day is before that day."""
        return self.valid_until is not None and self.valid_until < day


def seems_known(unit: str, listed: Collection[str]) -> bool:
    """Whether a typed unit, in the spelling of `modern_unit`, seems to be one: a misspelt one would mean nothing.

    It is listed, or below or above a listed one; without a list (`listed` is empty), it has the form of a code. A list
    may lack units that have dossiers: this is for a remark, not for a refusal.
    """
    if not listed:
        return is_unit_code(unit)
    return any(unit == one or is_below(unit, one) or is_below(one, unit) for one in listed)


class UnitTree:
    """The units of an OA with their relations; a code that is not listed stands for itself and the codes below it."""

    def __init__(self, units: Iterable[ListedUnit]) -> None:
        self.units: Mapping[str, ListedUnit] = {unit.code: unit for unit in units}
        self._parts: dict[str, list[str]] = defaultdict(list)  # unit → its sub-units and its predecessors
        for unit in self.units.values():
            for whole in (unit.parent, unit.successor):
                if whole is not None:
                    self._parts[whole].append(unit.code)

    def meant(self, code: str) -> list[str]:
        """The codes meant by a unit: its own, those of its sub-units and of all their predecessors.

        A code stands for the codes below it (`H27.30` for `H27.30.25`), so those are left out.
        """
        found, ahead = {code}, [code]
        while ahead:
            one = ahead.pop()
            new = {*self._parts[one], *(unit for unit in self.units if is_below(unit, one))} - found
            found |= new
            ahead += new
        return sorted(unit for unit in found if not any(is_below(unit, other) for other in found))

    def now(self, code: str, day: date) -> str:
        """The unit that has this unit's dossiers on that day: its successor, the successor of that one, and so on.

        An unlisted code below a merged unit has gone where that unit went.
        """
        seen = {code}
        while (following := self._successor(code, day)) is not None and following not in seen:
            code = following
            seen.add(code)
        return code

    def _successor(self, code: str, day: date) -> str | None:
        listed = next((self.units[above] for above in line(code)[::-1] if above in self.units), None)
        return listed.successor if listed is not None and listed.over_on(day) else None


def line(code: str) -> list[str]:
    """'H27.37.5' → ['H27', 'H27.37', 'H27.37.5']: from the root to the unit."""
    groups = code.split(".")
    return [".".join(groups[: end + 1]) for end in range(len(groups))]


def is_below(code: str, other: str) -> bool:
    """Whether `code` is a code below `other`, by its spelling: `H27.30.25` is below `H27.30`."""
    return code.startswith(f"{other}.")


def wrong(units: Sequence[ListedUnit]) -> list[tuple[str, str]]:
    """(code, fault) for each relation of a whole list that cannot be: in Vietnamese, with what to do."""
    tree = UnitTree(units)
    return [(unit.code, fault) for unit in units for fault in _faults(tree, unit)]


def _faults(tree: UnitTree, unit: ListedUnit) -> Iterable[str]:
    parent = tree.units.get(unit.parent or "")
    if unit.parent is not None and parent is None:
        yield f"cấp trên {unit.parent} không có trong danh sách; thêm đơn vị ấy hoặc sửa mã"
    if unit.successor is not None and unit.successor not in tree.units:
        yield f"đơn vị kế tục {unit.successor} không có trong danh sách; thêm đơn vị ấy hoặc sửa mã"
    if unit.successor is not None and unit.valid_until is None:
        yield "có đơn vị kế tục mà không có ngày hết hiệu lực; ghi ngày cuối cùng vào valid_until"
    if unit.valid_from is not None and unit.over_on(unit.valid_from):
        yield "ngày hết hiệu lực trước ngày có hiệu lực; sửa một trong hai ngày"
    if _circle(tree, unit, "parent"):
        yield "cấp trên đi thành vòng, trở về chính đơn vị này; sửa cột parent"
    elif parent is not None and parent.valid_until is not None and not _ends_with(unit, parent.valid_until):
        yield (
            f"cấp trên {parent.code} chỉ có đến {parent.valid_until:%d/%m/%Y} mà đơn vị này còn sau đó; ghi cấp trên"
            f" mới (từ {TWO_TIERS_SINCE:%d/%m/%Y} chỉ còn tỉnh và xã) hoặc ghi valid_until"
        )
    if _circle(tree, unit, "successor"):
        yield "đơn vị kế tục đi thành vòng, trở về chính đơn vị này; sửa cột successor"


def _ends_with(unit: ListedUnit, day: date) -> bool:
    return unit.valid_until is not None and unit.valid_until <= day


def _circle(tree: UnitTree, unit: ListedUnit, relation: str) -> bool:
    """Whether its own parents, or successors, lead back to it."""
    seen, at = set[str](), getattr(unit, relation)
    while at in tree.units and at not in seen:
        if at == unit.code:
            return True
        seen.add(at)
        at = getattr(tree.units[at], relation)
    return False
