"""`hcc uncertain`: lists notices that may or may not have arrived, and settles them by an operator's decision."""

from __future__ import annotations

from typing import Any

import click

from domain.lifecycle import State
from operators.cli.bulk import choosing, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.deeds import Operator, do
from operators.cli.output import accountable, as_json, examples


@click.group(short_help="Thông báo không rõ đã đến chưa: xem, kết luận.")
def uncertain() -> None:
    """Thông báo không rõ đã đến người dân hay chưa: không bao giờ tự gửi lại, chờ người trực kết luận."""


@uncertain.command(
    "list",
    short_help="Liệt kê thông báo không rõ đã đến chưa.",
    epilog=examples("hcc uncertain list", "hcc uncertain list --json"),
)
@limited
@of_oa
@as_json
def list_uncertain(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê thông báo không rõ đã đến chưa; xem nội dung và các lần gửi bằng `hcc dossier`."""
    from ledger.notices.verbs import Choice

    empty = "Không có thông báo nào không rõ đã đến chưa."
    show_held(State.UNCERTAIN, Choice(), limit, oa=oa, as_json=as_json, empty=empty)


@uncertain.command(
    short_help="Kết luận: đã đến hay chưa.",
    epilog=examples(
        "hcc uncertain settle 17 --as sent --by Lan --why 'người dân đã thấy tin'",
        "hcc uncertain settle --all --as not-sent --dry-run",
    ),
)
@choosing
@click.option(
    "--as",
    "verdict",
    type=click.Choice(["sent", "not-sent"]),
    required=True,
    help="sent: đã đến, không gửi nữa; not-sent: chưa đến, gửi lại.",
)
@of_oa
@accountable
@as_json
def settle(verdict: str, oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Kết luận về thông báo không rõ; thông báo sau của cùng hồ sơ được đi tiếp."""
    from ledger.notices import verbs

    said = "Đã ghi {} thông báo là đã đến." if verdict == "sent" else "Đã cho gửi lại {} thông báo."
    name = "thông báo không rõ đã đến chưa"
    do(verbs.SETTLE[verdict], wanted(**chosen), Operator(by, why, as_json), oa=oa, name=name, said=said)
