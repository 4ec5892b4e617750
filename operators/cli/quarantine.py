"""`hcc quarantine`: notices that were kept back until somebody has looked; released or dropped."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.bulk import choice_of, choosing, do, limited, show_held
from operators.cli.context import of_oa
from operators.cli.dead import filters
from operators.cli.output import accountable, as_json
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice

_NAME = "thông báo đang tạm giữ"


@click.group(short_help="Thông báo tạm giữ: xem, cho gửi, bỏ.")
def quarantine() -> None:
    """Thông báo tạm giữ chờ người trực xem: có thể đã gửi trước khi phục hồi sổ, hoặc chưa nên gửi."""


@quarantine.command("list", short_help="Liệt kê thông báo đang tạm giữ.")
@filters
@limited
@of_oa
@as_json
def list_quarantined(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo đang tạm giữ và vì sao; không thông báo nào khác phải chờ chúng."""
    empty = "Không có thông báo nào đang tạm giữ."
    show_held(State.QUARANTINED, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)


@quarantine.command(short_help="Cho gửi, sau các thông báo hôm nay.")
@choosing
@filters
@of_oa
@accountable
def release(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Cho gửi thông báo đang tạm giữ; thông báo mà hồ sơ đã được báo việc sau đó thì không gửi nữa."""
    said = "Đã cho gửi {} thông báo."
    do(verbs.RELEASE, choice_of(**chosen), oa=oa, by=by, why=why, name=_NAME, said=said)


@quarantine.command(short_help="Bỏ, không gửi nữa.")
@choosing
@filters
@of_oa
@accountable
def discard(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Bỏ thông báo đang tạm giữ: không bao giờ gửi."""
    said = "Đã bỏ {} thông báo."
    do(verbs.DROP, choice_of(**chosen), oa=oa, by=by, why=why, name=_NAME, said=said)
