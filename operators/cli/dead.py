"""`hcc dead`: notices that were given up; looked at, tried again or dropped, one, many by filter, or all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from operators.cli.bulk import choosing, do, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.output import accountable, as_json, not_blank
from worker.domain.kinds import RANK
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice

Command = TypeVar("Command", bound=Callable[..., Any])


def filters(command: Command) -> Command:
    """What narrows down the dead, and what expired."""
    kind = click.option("--kind", type=click.Choice(list(RANK)), help="Chỉ loại thông báo này.")
    reason = click.option("--reason", callback=not_blank, metavar="CHỮ", help="Chỉ lý do có chứa chữ này.")
    code = click.option("--code", type=click.IntRange(-(2**31), 2**31 - 1), metavar="MÃ", help="Chỉ mã trả lời này.")
    return kind(reason(code(command)))


@click.group(short_help="Thông báo chết: xem, gửi lại, bỏ.")
def dead() -> None:
    """Thông báo chết (đã thôi gửi): xem vì sao, gửi lại hoặc bỏ."""


@dead.command("list", short_help="Liệt kê thông báo chết.")
@filters
@limited
@of_oa
@as_json
def list_dead(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo chết: lý do, mã cuối cùng, số lần thử, tuổi."""
    empty = "Không có thông báo chết nào."
    show_held(State.DEAD, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)


@dead.command(short_help="Gửi lại từ đầu.")
@choosing
@filters
@of_oa
@accountable
def retry(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Gửi lại thông báo chết, số lần thử tính lại từ đầu; việc sau đã báo rồi thì không báo việc trước."""
    said = "Đã cho gửi lại {} thông báo."
    do(verbs.RETRY, wanted(**chosen), oa=oa, by=by, why=why, name="thông báo chết", said=said)


@dead.command(short_help="Bỏ, không gửi nữa.")
@choosing
@filters
@of_oa
@accountable
def discard(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Bỏ thông báo chết: không bao giờ gửi nữa."""
    said = "Đã bỏ {} thông báo."
    do(verbs.DISCARD, wanted(**chosen), oa=oa, by=by, why=why, name="thông báo chết", said=said)
