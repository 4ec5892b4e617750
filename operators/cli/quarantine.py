"""`hcc quarantine`: notices that were kept back until somebody has looked; released or dropped."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.bulk import choosing, do, limited, show_groups, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.days import event_days
from operators.cli.dead import filters
from operators.cli.output import accountable, as_json
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice

_NAME = "thông báo đang tạm giữ"
_EMPTY = "Không có thông báo nào đang tạm giữ."


@click.group(short_help="Thông báo tạm giữ: xem, cho gửi, bỏ.")
def quarantine() -> None:
    """Thông báo tạm giữ chờ người trực xem: việc quá cũ, quá nhiều trong mười phút, hoặc có thể đã gửi trước khi phục
    hồi sổ.
    """


@quarantine.command("list", short_help="Liệt kê thông báo đang tạm giữ.")
@filters
@event_days
@click.option("--count", "counted", is_flag=True, help="Chỉ đếm theo loại, đơn vị, ngày và lý do.")
@limited
@of_oa
@as_json
def list_quarantined(counted: bool, limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo đang tạm giữ và vì sao; không thông báo nào khác phải chờ chúng."""
    if counted:
        show_groups(State.QUARANTINED, Choice(**narrowed), oa=oa, as_json=as_json, empty=_EMPTY)
        return
    show_held(State.QUARANTINED, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=_EMPTY)


@quarantine.command(short_help="Cho gửi, sau các thông báo hôm nay.")
@choosing
@filters
@event_days
@of_oa
@accountable
def release(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Cho gửi thông báo đang tạm giữ; thông báo mà hồ sơ đã được báo việc sau đó thì không gửi nữa."""
    said = "Đã cho gửi {} thông báo."
    do(verbs.RELEASE, wanted(**chosen), oa=oa, by=by, why=why, name=_NAME, said=said)


@quarantine.command(short_help="Bỏ, không gửi nữa.")
@choosing
@filters
@event_days
@of_oa
@accountable
def discard(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Bỏ thông báo đang tạm giữ: không bao giờ gửi."""
    said = "Đã bỏ {} thông báo."
    do(verbs.DROP, wanted(**chosen), oa=oa, by=by, why=why, name=_NAME, said=said)
