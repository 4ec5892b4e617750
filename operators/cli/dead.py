"""`hcc dead`: lists, retries or discards dead notices: one, many by filter, or all."""

from __future__ import annotations

from typing import Any

import click

from domain.lifecycle import State
from operators.cli.bulk import choosing, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.deeds import Operator, do
from operators.cli.kinds import KIND
from operators.cli.output import Command, accountable, as_json, examples, not_blank

_NAME = "thông báo chết"


def filters(command: Command) -> Command:
    """Add the filters of dead, expired and quarantined notices."""
    kind = click.option("--kind", type=KIND, metavar="LOẠI", help="Chỉ loại thông báo này.")
    reason = click.option("--reason", callback=not_blank, metavar="CHỮ", help="Chỉ lý do có chứa chữ này.")
    code = click.option("--code", type=click.IntRange(-(2**31), 2**31 - 1), metavar="MÃ", help="Chỉ mã trả lời này.")
    return kind(reason(code(command)))


@click.group(short_help="Thông báo chết: xem, gửi lại, bỏ.")
def dead() -> None:
    """Thông báo chết (đã thôi gửi): xem vì sao, gửi lại hoặc bỏ."""


@dead.command(
    "list",
    short_help="Liệt kê thông báo chết.",
    epilog=examples("hcc dead list", "hcc dead list --kind accepted --limit 20", "hcc dead list --code -216 --json"),
)
@filters
@limited
@of_oa
@as_json
def list_dead(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo chết: lý do, mã cuối cùng, số lần thử, tuổi."""
    from ledger.notices.verbs import Choice

    empty = "Không có thông báo chết nào."
    show_held(State.DEAD, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)


@dead.command(
    short_help="Gửi lại từ đầu.",
    epilog=examples(
        "hcc dead retry 17 --by Lan --why 'đã sửa mẫu tin'",
        "hcc dead retry --code -216 --dry-run",
        "hcc dead retry --all --yes --by Lan --why 'đã sửa mẫu tin'",
    ),
)
@choosing
@filters
@of_oa
@accountable
@as_json
def retry(oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Gửi lại thông báo chết, số lần thử tính lại từ đầu; việc sau đã báo rồi thì không báo việc trước."""
    from ledger.notices import verbs

    said = "Đã cho gửi lại {} thông báo."
    do(verbs.RETRY, wanted(**chosen), Operator(by, why, as_json), oa=oa, name=_NAME, said=said)


@dead.command(
    short_help="Bỏ, không gửi nữa.",
    epilog=examples(
        "hcc dead discard 17 --by Lan --why 'hồ sơ thử'",
        "hcc dead discard --kind accepted --dry-run",
    ),
)
@choosing
@filters
@of_oa
@accountable
@as_json
def discard(oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Bỏ thông báo chết: không bao giờ gửi nữa."""
    from ledger.notices import verbs

    said = "Đã bỏ {} thông báo."
    do(verbs.DISCARD, wanted(**chosen), Operator(by, why, as_json), oa=oa, name=_NAME, said=said)
