"""`hcc events`: lists, retries or discards events of Zalo that no process could read or apply; kept sealed 30 days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from operators.cli.bulk import FIRST, TABLE_ROWS, agreed, choosing, limited, tell_rest
from operators.cli.context import deployment, every, named_columns, of_oa, the_one, told_of
from operators.cli.exits import Ended, ExitCode, nothing
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.services.bootstrap import Services

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


@events.command(
    "list",
    short_help="Liệt kê sự kiện chưa đọc được.",
    epilog=examples("hcc events list", "hcc events list --json"),
)
@limited
@of_oa
@as_json
def list_events(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê sự kiện chưa đọc được, cũ nhất trước; không có dữ liệu cá nhân."""
    from ledger.zalo import unread

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


@events.command(
    short_help="Thử lại sự kiện.",
    epilog=examples("hcc events retry --all --dry-run"),
)
@choosing
@of_oa
@accountable
@as_json
def retry(**chosen: Any) -> None:
    """Để worker thử lại sự kiện đã gác lại, như chưa thử lần nào."""
    from ledger.zalo import unread

    _do(unread.forgive, "retry", said="Sẽ thử lại {} sự kiện.", **chosen)


@events.command(
    short_help="Bỏ sự kiện.",
    epilog=examples("hcc events discard 17 --by Lan --why 'khóa cũ đã mất'"),
)
@choosing
@of_oa
@accountable
@as_json
def discard(**chosen: Any) -> None:
    """Xóa hẳn nội dung của sự kiện; không thể đọc lại nữa."""
    from ledger.zalo import unread

    _do(unread.drop, "discard", said="Đã bỏ {} sự kiện.", **chosen)


def _do(
    deed: Callable[[Connection, str, Sequence[int] | None], int],
    verb: str,
    *,
    said: str,
    ids: Sequence[int],
    everything: bool,
    dry_run: bool,
    yes: bool,
    oa: str | None,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Do it with the chosen events. Raises `UsageError`, `Abort`, and `Ended` if some or all were not found."""
    from ledger.base.audit import audit

    if bool(ids) is everything:
        raise click.UsageError("Chọn một cách: số của sự kiện, hoặc --all.")
    wanted = None if everything else sorted(set(ids))
    with deployment() as made:
        one = the_one(made, oa)
        chosen = _chosen(one, wanted)
        if dry_run:
            _tell_what_would_be(f"events {verb}", chosen, as_json=as_json)
            return
        if everything and chosen and not agreed(f"{len(chosen)} sự kiện ({verb}). Làm?", yes=yes):
            raise click.Abort
        with made.shared.ledger.begin() as tx:
            number = deed(tx, one.oa, wanted)
            if number:
                audit(tx, one.oa, f"events {verb}", f"{number} sự kiện", by=by, why=why)
    unknown = sorted(set(wanted or ()) - {row["id"] for row in chosen})
    refused = [{"id": event, "why": "not found"} for event in unknown]
    answer(said.format(number) if number else "", as_json=as_json, done=number, refused=refused)
    if not number:
        raise nothing("Không có sự kiện nào như đã chọn.")
    if unknown:
        raise Ended("\n".join(f"Số {event}: không có sự kiện này." for event in unknown), ExitCode.PARTLY)


def _chosen(one: Services, ids: Sequence[int] | None) -> list[dict[str, Any]]:
    from ledger.zalo import unread

    with one.ledger.connect() as connection:
        rows = unread.listed(connection, one.oa)
    return [dict(row) for row in rows if ids is None or row["id"] in ids]


def _tell_what_would_be(verb: str, rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"verb": verb, "would_do": len(rows), "first": rows[:FIRST]})
        return
    say(f"{len(rows)} sự kiện sẽ được làm ({verb}); chưa làm gì.")
    if rows:
        print_table(_COLUMNS, rows[:FIRST], empty="")
