"""Reads the list of units from a CSV file as Excel or any other program writes it: docs/units.md.

Each fault has its line number and says what to do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from domain.code import is_unit_code, modern_unit
from domain.text import nfc
from domain.units import ListedUnit, wrong

COLUMNS = ("code", "name", "parent", "valid_from", "valid_until", "successor")

_NEEDED = ("code", "name")
_ALSO_CALLED = {
    "mã": "code",
    "tên": "name",
    "cấp trên": "parent",
    "từ ngày": "valid_from",
    "đến ngày": "valid_until",
    "kế tục": "successor",
}
_SHOWN = 35  # characters of a wrong code
_LONGEST_NAME = 200
_DAYS = ("%Y-%m-%d", "%d/%m/%Y")


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong in a line (1 is the first of the file), in Vietnamese."""

    line: int
    says: str


@dataclass(frozen=True, slots=True)
class UnitFile:
    """The units of a file by line number; with faults nothing of it may be used."""

    units: Mapping[int, ListedUnit]
    faults: Sequence[LineFault]


def read_units(content: bytes) -> UnitFile:
    """Read a CSV file: UTF-8, with or without byte order mark, comma, semicolon or tab."""
    try:
        text = nfc(content.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        return UnitFile({}, [LineFault(line, "không phải mã UTF-8; trong Excel lưu là «CSV UTF-8»")])
    head, _, _ = text.partition("\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    units: dict[int, ListedUnit] = {}
    faults: list[LineFault] = []
    names: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if names is None:
                    names = [_column(cell) for cell in cells]
                    faults += [LineFault(line, says) for says in _head_faults(names)]
                    if faults:
                        break
                else:
                    unit, says = _unit(dict(zip(names, cells, strict=False)), len(cells) - len(names))
                    units |= {line: unit} if unit else {}
                    faults += [LineFault(line, one) for one in says]
            line = reader.line_num + 1
    except csv.Error:
        faults.append(LineFault(line, "dấu nháy kép không đóng; viết dấu nháy trong ô thành hai dấu nháy"))
    if not units and not faults:
        faults.append(_nothing_in(names))
    return UnitFile(units, faults + _repeated(units))


def relation_faults(file: UnitFile, others: Iterable[ListedUnit]) -> list[LineFault]:
    """Faults between the file's units and the listed ones (`others`, of which the file replaces those that it has)."""
    lines = {unit.code: line for line, unit in file.units.items()}
    whole = [*(unit for unit in others if unit.code not in lines), *file.units.values()]
    first = min(lines.values(), default=1)
    return [
        LineFault(lines.get(code, first), fault if code in lines else f"đơn vị {code} đã có trong sổ: {fault}")
        for code, fault in wrong(whole)
    ]


def _nothing_in(names: Sequence[str] | None) -> LineFault:
    """The fault of a file without a unit; with `--replace` it would otherwise empty the list."""
    if names is None:
        return LineFault(1, f"tệp trống; dòng đầu phải là {','.join(COLUMNS)}")
    return LineFault(1, "tệp chỉ có dòng đầu, không có đơn vị nào; mỗi dòng sau đó là một đơn vị")


def _column(cell: str) -> str:
    name = cell.strip().lower()
    return _ALSO_CALLED.get(name, name.replace(" ", "_"))


def _head_faults(names: Sequence[str]) -> Iterable[str]:
    for name in _NEEDED:
        if name not in names:
            yield f"thiếu cột {name}; dòng đầu phải là {','.join(COLUMNS)}"
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        yield f"cột {name} có hai lần; bỏ một cột"
    for name in names:
        if name and name not in COLUMNS:
            yield f"không có cột «{name}»; chỉ có {', '.join(COLUMNS)}"


def _unit(row: Mapping[str, str], surplus: int) -> tuple[ListedUnit | None, list[str]]:
    """The unit of a row, and what is wrong with the row."""
    faults = ["thừa ô so với dòng đầu; đặt tên có dấu phân cách trong dấu nháy kép"] if surplus > 0 else []
    codes: dict[str, str | None] = {}
    days: dict[str, date | None] = {}
    for name in ("code", "parent", "successor"):
        codes[name] = modern_unit(row.get(name, "")) or None
        faults += _code_faults(name, codes[name])
    for name in ("valid_from", "valid_until"):
        days[name], fault = _day(name, row.get(name, "").strip())
        faults += fault
    label = " ".join(row.get("name", "").split())
    if not label or len(label) > _LONGEST_NAME or not label.isprintable():
        faults.append(f"cột name phải có tên đơn vị, không quá {_LONGEST_NAME} chữ")
    if codes["code"] is None:
        faults.append("thiếu mã đơn vị ở cột code, ví dụ H27.115")
    if faults or codes["code"] is None:
        return None, faults
    return ListedUnit(codes["code"], label, codes["parent"], **days, successor=codes["successor"]), []


def _code_faults(name: str, code: str | None) -> list[str]:
    if code is None or is_unit_code(code):
        return []
    return [f"cột {name}: «{code[:_SHOWN]}» không phải mã đơn vị; viết như H27.115"]


def _day(name: str, cell: str) -> tuple[date | None, list[str]]:
    if not cell:
        return None, []
    for form in _DAYS:
        try:
            return datetime.strptime(cell, form).date(), []  # noqa: DTZ007 (a day of the calendar has no time zone)
        except ValueError:
            continue
    return None, [f"cột {name}: «{cell[:20]}» không phải ngày; viết như 2025-07-01 hoặc 01/07/2025"]


def _repeated(units: Mapping[int, ListedUnit]) -> list[LineFault]:
    first: dict[str, int] = {}
    faults = []
    for line, unit in units.items():
        if (before := first.setdefault(unit.code, line)) != line:
            faults.append(LineFault(line, f"mã {unit.code} đã có ở dòng {before}; bỏ một dòng"))
    return faults
