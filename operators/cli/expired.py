"""`hcc expired`: lists notices that became too old before they were sent, or sends them all the same."""

from __future__ import annotations

from typing import Any

import click

from domain.lifecycle import State
from operators.cli.bulk import choosing, limited, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.dead import filters
from operators.cli.deeds import Operator, do
from operators.cli.output import accountable, as_json, examples


@click.group(short_help="Thông báo quá hạn: xem, gửi lại.")
def expired() -> None:
    """Thông báo quá hạn (cũ hơn HCC_MAX_AGE_HOURS, hoặc hết thời gian chờ người dân quan tâm OA): xem, gửi lại."""


@expired.command(
    "list",
    short_help="Liệt kê thông báo quá hạn.",
    epilog=examples("hcc expired list", "hcc expired list --kind result_ready --json"),
)
@filters
@limited
@of_oa
@as_json
def list_expired(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo quá hạn trong 90 ngày qua: lý do, mã cuối cùng, số lần thử, tuổi."""
    from ledger.notices.verbs import Choice

    empty = "Không có thông báo quá hạn nào."
    show_held(State.EXPIRED, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)


@expired.command(
    short_help="Gửi lại, tuổi tính lại từ đầu.",
    epilog=examples(
        "hcc expired retry 17 18 --by Lan --why 'mạng hỏng ba ngày'",
        "hcc expired retry --kind result_ready --dry-run",
    ),
)
@choosing
@filters
@of_oa
@accountable
@as_json
def retry(oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Gửi lại thông báo quá hạn, tuổi và số lần thử tính lại từ đầu; việc sau đã báo rồi thì không báo việc trước."""
    from ledger.notices import verbs

    said = "Đã cho gửi lại {} thông báo."
    do(verbs.RETRY_EXPIRED, wanted(**chosen), Operator(by, why, as_json), oa=oa, name="thông báo quá hạn", said=said)
