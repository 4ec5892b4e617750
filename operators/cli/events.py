"""`hcc events`: events of Zalo that no process could read or apply so far, kept sealed for 30 days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from sqlalchemy import Connection

from operators.cli.bulk import IDS, TABLE_ROWS, limited, tell_rest
from operators.cli.context import deployment, every, named_columns, of_oa, the_one, told_of
from operators.cli.output import accountable, as_json, print_json, print_table, say
from worker.ledger import unread
from worker.ledger.audit import audit

_COLUMNS = {
    "id": "Số",
    "name": "Sự kiện",
    "received_at": "Nhận lúc",
    "fault": "Lỗi",
    "faults": "Lần",
    "set_aside_at": "Gác lại",
}


@click.group(short_help="Sự kiện của Zalo chưa đọc được: xem, thử lại, bỏ.")
def events() -> None:
    """Sự kiện của Zalo chưa đọc được (khóa mới hơn, phiên bản mới hơn) hoặc chưa xử lý được: giữ kín 30 ngày.

    Mỗi lần worker khởi động, hoặc có khóa mới, phiên bản mới, chúng được thử lại; sau ba lần lỗi thì gác lại.
    """


@events.command("list", short_help="Liệt kê sự kiện chưa đọc được.")
@limited
@of_oa
@as_json
def list_events(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê sự kiện chưa đọc được, cũ nhất trước; không có dữ liệu cá nhân."""
    most = limit or (None if as_json else TABLE_ROWS)
    rows: list[dict[str, Any]] = []
    total = 0
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            total += unread.count(connection, one.oa)[0]
            left = None if most is None else most - len(rows)
            rows += told_of(made, one, unread.listed(connection, one.oa, limit=left))
        columns = named_columns(made, _COLUMNS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty="Không có sự kiện nào chưa đọc được.")
    tell_rest(len(rows), total)


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Some by their numbers, or all."""
    ids = click.argument("ids", nargs=-1, type=IDS, metavar="[SỐ]…")
    return ids(click.option("--all", "everything", is_flag=True, help="Tất cả.")(command))


@events.command(short_help="Thử lại sự kiện.")
@_choosing
@of_oa
@accountable
def retry(**chosen: Any) -> None:
    """Để worker thử lại sự kiện đã gác lại, như chưa thử lần nào."""
    _do(unread.forgive, "retry", said="Sẽ thử lại {} sự kiện.", **chosen)


@events.command(short_help="Bỏ sự kiện.")
@_choosing
@of_oa
@accountable
def discard(**chosen: Any) -> None:
    """Xóa hẳn nội dung của sự kiện; không thể đọc lại nữa."""
    _do(unread.drop, "discard", said="Đã bỏ {} sự kiện.", **chosen)


def _do(
    deed: Callable[[Connection, str, Sequence[int] | None], int],
    verb: str,
    *,
    said: str,
    ids: Sequence[int],
    everything: bool,
    oa: str | None,
    by: str,
    why: str,
) -> None:
    if bool(ids) is everything:
        raise click.ClickException("Chọn một cách: số của sự kiện, hoặc --all.")
    with deployment() as made, made.shared.ledger.begin() as tx:
        one = the_one(made, oa)
        number = deed(tx, one.oa, None if everything else sorted(set(ids)))
        if number:
            audit(tx, one.oa, f"events {verb}", f"{number} sự kiện", by=by, why=why)
    if not number:
        raise click.ClickException("Không có sự kiện nào như đã chọn.")
    say(said.format(number))
