"""`hcc expired`: notices that got too old before they were told; looked at, or told all the same."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.bulk import choosing, do, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.dead import filters
from operators.cli.output import accountable, as_json
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice


@click.group(short_help="Thông báo quá hạn: xem, gửi lại.")
def expired() -> None:
    """Thông báo quá hạn (cũ hơn HCC_MAX_AGE_HOURS, hoặc hết thời gian chờ người dân quan tâm OA): xem, gửi lại."""


@expired.command("list", short_help="Liệt kê thông báo quá hạn.")
@filters
@limited
@of_oa
@as_json
def list_expired(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo quá hạn trong 90 ngày qua: lý do, mã cuối cùng, số lần thử, tuổi."""
    empty = "Không có thông báo quá hạn nào."
    show_held(State.EXPIRED, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)


@expired.command(short_help="Gửi lại, tuổi tính lại từ đầu.")
@choosing
@filters
@of_oa
@accountable
def retry(oa: str | None, by: str, why: str, **chosen: Any) -> None:
    """Gửi lại thông báo quá hạn, tuổi và số lần thử tính lại từ đầu; việc sau đã báo rồi thì không báo việc trước."""
    said = "Đã cho gửi lại {} thông báo."
    do(verbs.RETRY_EXPIRED, wanted(**chosen), oa=oa, by=by, why=why, name="thông báo quá hạn", said=said)
