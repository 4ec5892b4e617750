"""`hcc staff`: which staff get the numbers of which unit. A grant, so nobody lets themselves in through the chat."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click
from sqlalchemy import Connection

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.input import typed_lines
from operators.cli.output import accountable, as_json, print_json, print_table, say
from worker.domain.phone import read_phone
from worker.ledger import staff as grants
from worker.ledger.audit import audit
from worker.ledger.people import People

_LONGEST_LINE = 64


@click.group(short_help="Cán bộ nhận số liệu của đơn vị.")
def staff() -> None:
    """Cán bộ quan tâm OA và được nhận số liệu của đơn vị (`hcc report digest --post`)."""


def unit_code(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """As units are spelt in the ledger."""
    unit = value.strip().upper() if value is not None else None
    if unit is not None and not re.fullmatch(r"[0-9A-Z]{1,4}(?:\.[0-9A-Z]{1,4})*", unit):
        raise click.BadParameter("không phải mã đơn vị, ví dụ H27.37.")
    return unit


@staff.command(short_help="Cho cán bộ nhận số liệu của một đơn vị.")
@click.option("--unit", required=True, callback=unit_code, metavar="MÃ", help="Đơn vị (và các đơn vị dưới nó).")
@of_oa
@accountable
def add(unit: str, oa: str | None, by: str, why: str) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối; họ phải đang quan tâm OA."""
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines())
        new = grants.add(tx, made.oa, found, unit)
        audit(tx, made.oa, "staff add", f"{unit}: {_numbered(found)}", by=by, why=why)
    say(f"{new} cán bộ mới được nhận số liệu của {unit}.")


@staff.command("list", short_help="Liệt kê cán bộ và đơn vị.")
@of_oa
@as_json
def list_staff(oa: str | None, as_json: bool) -> None:
    """Liệt kê cán bộ được nhận số liệu của đơn vị nào."""
    columns = {"unit": "Đơn vị", "user_id": "Người dùng", "follows": "Quan tâm", "added_at": "Từ lúc"}
    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            rows += told_of(made, one, grants.listed(connection, one.oa))
        columns = named_columns(made, columns)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty="Chưa có cán bộ nào.")


@staff.command(short_help="Thôi gửi số liệu cho cán bộ.")
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Chỉ đơn vị này; mặc định mọi đơn vị.")
@of_oa
@accountable
def remove(unit: str | None, oa: str | None, by: str, why: str) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối."""
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines(), leaving=True)
        gone = grants.remove(tx, made.oa, found, unit)
        audit(tx, made.oa, "staff remove", f"{unit or 'mọi đơn vị'}: {_numbered(found)}", by=by, why=why)
    say(f"Đã thôi {gone} lượt nhận số liệu.")


def followers(tx: Connection, oa: str, people: People, lines: Iterable[str], *, leaving: bool = False) -> list[int]:
    """The followers that the lines name; the first that is none stops everything. A fault tells the line's number."""
    found: list[int] = []
    for number, line in enumerate(lines, 1):
        named = line.strip()[:_LONGEST_LINE]
        if not named:
            continue
        follower = grants.follower(tx, oa, named, leaving=leaving) or _by_phone(tx, oa, people, named, leaving=leaving)
        if follower is None:
            raise click.ClickException(f"Dòng {number}: không phải người đang quan tâm OA mà sổ biết.")
        found.append(follower)
    if not found:
        raise click.ClickException("Đầu vào không có dòng nào.")
    return found


def _by_phone(tx: Connection, oa: str, people: People, raw: str, *, leaving: bool) -> int | None:
    phone = read_phone(raw).e164
    user = people.user_of(tx, oa, phone) if phone else None
    return grants.follower(tx, oa, user, leaving=leaving) if user else None


def _numbered(found: Iterable[int]) -> str:
    return ", ".join(f"follower {one}" for one in sorted(found))
