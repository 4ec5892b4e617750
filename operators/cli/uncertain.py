"""`hcc uncertain`: notices that may or may not have arrived, and that nothing but a person can tell any more."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.bulk import choosing, do, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.output import accountable, as_json
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice


@click.group(short_help="Thông báo không rõ đã đến chưa: xem, kết luận.")
def uncertain() -> None:
    """Thông báo không rõ đã đến người dân hay chưa: không bao giờ tự gửi lại, chờ người trực kết luận."""


@uncertain.command("list", short_help="Liệt kê thông báo không rõ đã đến chưa.")
@limited
@of_oa
@as_json
def list_uncertain(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê thông báo không rõ đã đến chưa; xem nội dung và các lần gửi bằng `hcc dossier`."""
    empty = "Không có thông báo nào không rõ đã đến chưa."
    show_held(State.UNCERTAIN, Choice(), limit, oa=oa, as_json=as_json, empty=empty)


@uncertain.command(short_help="Kết luận: đã đến hay chưa.")
@choosing
@click.option(
    "--as",
    "verdict",
    type=click.Choice(list(verbs.SETTLE)),
    required=True,
    help="sent: đã đến, không gửi nữa; not-sent: chưa đến, gửi lại.",
)
@of_oa
@accountable
def settle(verdict: str, oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Kết luận về thông báo không rõ; thông báo sau của cùng hồ sơ được đi tiếp."""
    said = "Đã ghi {} thông báo là đã đến." if verdict == "sent" else "Đã cho gửi lại {} thông báo."
    name = "thông báo không rõ đã đến chưa"
    do(verbs.SETTLE[verdict], wanted(**chosen), oa=oa, by=by, why=why, name=name, said=said)
