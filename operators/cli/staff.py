"""`hcc staff`: which staff get the numbers of which unit, and who hears of alarms.

A grant, so nobody lets themselves in through the chat.
"""

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
from worker.ledger.alarms import add_staff, listed_staff, remove_staff
from worker.ledger.audit import audit
from worker.ledger.people import People

ALARMS = "báo động"  # in the place of a unit

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
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Nhận số liệu của đơn vị này (và các đơn vị dưới nó).")
@click.option("--alarms", is_flag=True, help="Nhận báo động của hệ thống.")
@of_oa
@accountable
def add(unit: str | None, alarms: bool, oa: str | None, by: str, why: str) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối; họ phải đang quan tâm OA."""
    if unit is None and not alarms:
        raise click.UsageError("Cần --unit MÃ (số liệu của đơn vị), --alarms (báo động), hoặc cả hai.")
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines())
        told = []
        if unit is not None:
            told.append(f"{grants.add(tx, made.oa, found, unit)} cán bộ mới được nhận số liệu của {unit}.")
        if alarms:
            told.append(f"{add_staff(tx, made.oa, found)} cán bộ mới được nhận báo động.")
        audit(tx, made.oa, "staff add", f"{_granted(unit, alarms=alarms)}: {_numbered(found)}", by=by, why=why)
    say("\n".join(told), lines=True)


@staff.command("list", short_help="Liệt kê cán bộ và đơn vị.")
@of_oa
@as_json
def list_staff(oa: str | None, as_json: bool) -> None:
    """Liệt kê cán bộ được nhận số liệu của đơn vị nào, và ai nhận báo động."""
    columns = {"unit": "Đơn vị", "user_id": "Người dùng", "follows": "Quan tâm", "added_at": "Từ lúc"}
    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            rows += told_of(made, one, grants.listed(connection, one.oa))
            hearing = [{"unit": ALARMS, **row} for row in listed_staff(connection, one.oa)]
            rows += told_of(made, one, hearing)
        columns = named_columns(made, columns)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty="Chưa có cán bộ nào.")


@staff.command(short_help="Thôi gửi số liệu cho cán bộ.")
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Chỉ đơn vị này; mặc định mọi đơn vị và báo động.")
@click.option("--alarms", is_flag=True, help="Chỉ báo động.")
@of_oa
@accountable
def remove(unit: str | None, alarms: bool, oa: str | None, by: str, why: str) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối."""
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines(), leaving=True)
        everything = unit is None and not alarms
        told = []
        if unit is not None or everything:
            told.append(f"Đã thôi {grants.remove(tx, made.oa, found, unit)} lượt nhận số liệu.")
        if hearing := remove_staff(tx, made.oa, found) if alarms or everything else 0:
            told.append(f"Đã thôi {hearing} lượt nhận báo động.")
        audit(tx, made.oa, "staff remove", f"{_granted(unit, alarms=alarms)}: {_numbered(found)}", by=by, why=why)
    say("\n".join(told) or "Không có ai trong số này nhận báo động.", lines=True)


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


def _granted(unit: str | None, *, alarms: bool) -> str:
    """What was granted or taken back, for the audit; neither is all."""
    granted = [] if unit is None else [unit]
    return ", ".join(granted + [ALARMS] * alarms) or "tất cả"


def _numbered(found: Iterable[int]) -> str:
    return ", ".join(f"follower {one}" for one in sorted(found))
