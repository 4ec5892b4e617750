"""`hcc units`: the list of units, from a CSV file (docs/units.md), and as it is on any day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from domain.clock import VIETNAM
from operators.cli.bulk import agreed, unasked
from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.days import day
from operators.cli.exits import Ended
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from domain.units import ListedUnit
    from ledger.base.units import ListChange
    from operators.unit_file import LineFault, UnitFile
    from worker.services.bootstrap import Services

_COLUMNS = {
    "code": "Mã",
    "name": "Tên",
    "parent": "Cấp trên",
    "valid_from": "Từ ngày",
    "valid_until": "Đến ngày",
    "successor": "Kế tục",
    "now": "Nay là",
}


@click.group(short_help="Danh sách đơn vị: nhập từ tệp CSV, xem.")
def units() -> None:
    """Danh sách đơn vị, với ngày hiệu lực và đơn vị kế tục: báo cáo và bộ lọc hiểu cả mã của đơn vị đã nhập vào."""


@units.command(
    "import",
    short_help="Nhập từ tệp CSV.",
    epilog=examples(
        "hcc units import - --by Lan --why 'sáp nhập 01/07/2025' < don-vi.csv",
        "hcc units import - --replace --dry-run --json < don-vi.csv",
    ),
)
@click.argument("file", type=click.File("rb"), metavar="TỆP|-")
@click.option("--replace", "whole", is_flag=True, help="Tệp là toàn bộ danh sách: đơn vị không có trong tệp thì bỏ.")
@click.option("--dry-run", is_flag=True, is_eager=True, help="Chỉ kiểm tra và đếm, không ghi; không cần --by, --why.")
@unasked
@of_oa
@accountable
@as_json
def import_units(
    file: BinaryIO, oa: str | None, by: str, why: str, *, whole: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Nhập danh sách đơn vị (code,name,parent,valid_from,valid_until,successor); có dòng sai thì không nhập gì.

    Ở cửa sổ lệnh thì hỏi trước khi --replace bỏ đơn vị nào.
    """
    from operators.unit_file import read_units

    read = read_units(file.read())
    with services(oa=oa) as made:
        would = _tried(made, read, whole=whole, as_json=as_json)
        if dry_run:
            _tell_what_would_be(would, as_json=as_json)
            return
        if would.removed and not agreed(f"Danh sách đơn vị: {_told(would)}. Nhập?", yes=yes):
            raise click.Abort
        changed = _imported(made, read, whole=whole, by=by, why=why)
    said = f"Đã nhập danh sách đơn vị: {_told(changed)}."
    answer(said, as_json=as_json, done=_number(changed), **asdict(changed))


def _tried(made: Services, read: UnitFile, *, whole: bool, as_json: bool) -> ListChange:
    """What the import would change; writes nothing. Raises `Ended` if the file has a fault."""
    from ledger.base import units as ledger_units
    from operators.unit_file import relation_faults

    with made.ledger.connect() as connection:  # nothing is committed
        faults = read.faults or relation_faults(read, () if whole else ledger_units.listed(connection, made.oa))
        if faults:
            _refuse(faults, as_json=as_json)
        return ledger_units.change(connection, made.oa, read.units.values(), whole=whole)


def _imported(made: Services, read: UnitFile, *, whole: bool, by: str, why: str) -> ListChange:
    from ledger.base import units as ledger_units
    from ledger.base.audit import audit
    from ledger.notices import switches

    with made.ledger.begin() as tx:
        changed = ledger_units.change(tx, made.oa, read.units.values(), whole=whole)
        if changed:
            switches.read_units_again(tx)
            audit(tx, made.oa, "units import", _told(changed), by=by, why=why)
    return changed


def _tell_what_would_be(would: ListChange, *, as_json: bool) -> None:
    if as_json:
        print_json({"verb": "units import", "would_do": _number(would), **asdict(would)})
    else:
        say(f"Sẽ nhập danh sách đơn vị: {_told(would)}.")


def _number(changed: ListChange) -> int:
    return changed.added + changed.changed + changed.removed


def _told(changed: ListChange) -> str:
    return f"{changed.added} mới, {changed.changed} đổi, {changed.removed} bỏ, {changed.unchanged} như cũ"


def _refuse(faults: Sequence[LineFault], *, as_json: bool) -> None:
    """Name every bad line. Raises `Ended`."""
    ordered = sorted(faults, key=lambda fault: fault.line)
    answer("", as_json=as_json, done=0, refused=[asdict(fault) for fault in ordered])
    if not as_json:
        for fault in ordered:
            say(f"Dòng {fault.line}: {fault.says}.", err=True)
    raise Ended(f"Chưa nhập gì: {len(ordered)} chỗ phải sửa trong tệp.")


@units.command(
    "list",
    short_help="Liệt kê đơn vị.",
    epilog=examples("hcc units list", "hcc units list --at 2025-06-30 --json"),
)
@click.option("--at", "on", callback=day, metavar="NGÀY", help="Chỉ đơn vị có hiệu lực ngày này (2025-07-01).")
@of_oa
@as_json
def list_units(on: date | None, oa: str | None, *, as_json: bool) -> None:
    """Liệt kê đơn vị; «Nay là» là đơn vị đang giữ hồ sơ của đơn vị ấy (với --at: vào ngày ấy)."""
    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = [row for one in every(made, oa) for row in told_of(made, one, _rows(connection, one.oa, on))]
        columns = named_columns(made, _COLUMNS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty="Chưa có danh sách đơn vị: nhập bằng `hcc units import TỆP`.")


def _rows(connection: Connection, oa: str, on: date | None) -> list[dict[str, Any]]:
    from domain.units import UnitTree
    from ledger.base import units as ledger_units

    listed = ledger_units.listed(connection, oa)
    tree, when = UnitTree(listed), on or datetime.now(VIETNAM).date()
    return [{**_plain(unit), "now": tree.now(unit.code, when)} for unit in listed if on is None or unit.valid_on(on)]


def _plain(unit: ListedUnit) -> dict[str, Any]:
    days = {name: value and value.isoformat() for name, value in asdict(unit).items() if name.startswith("valid")}
    return {**asdict(unit), **days}
