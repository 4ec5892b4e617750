"""`hcc quarantine`: lists notices kept back for review, and releases or discards them."""

from __future__ import annotations

from typing import Any

import click

from domain.lifecycle import State
from operators.cli.bulk import choosing, limited, show_groups, show_held, wanted
from operators.cli.context import of_oa
from operators.cli.days import event_days
from operators.cli.dead import filters
from operators.cli.deeds import Operator, do
from operators.cli.output import accountable, as_json, examples

_NAME = "thông báo đang tạm giữ"
_EMPTY = "Không có thông báo nào đang tạm giữ."


@click.group(short_help="Thông báo tạm giữ: xem, cho gửi, bỏ.")
def quarantine() -> None:
    """Thông báo tạm giữ chờ người trực xem: việc quá cũ, quá nhiều trong mười phút, hoặc có thể đã gửi trước khi phục
    hồi sổ.
    """


@quarantine.command(
    "list",
    short_help="Liệt kê thông báo đang tạm giữ.",
    epilog=examples("hcc quarantine list --count", "hcc quarantine list --unit H27.12 --from 2026-01-31"),
)
@filters
@event_days
@click.option("--count", "counted", is_flag=True, help="Chỉ đếm theo loại, đơn vị, ngày và lý do.")
@limited
@of_oa
@as_json
def list_quarantined(counted: bool, limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo đang tạm giữ và vì sao; không thông báo nào khác phải chờ chúng."""
    from ledger.notices.verbs import Choice

    if counted:
        show_groups(State.QUARANTINED, Choice(**narrowed), oa=oa, as_json=as_json, empty=_EMPTY)
        return
    show_held(State.QUARANTINED, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=_EMPTY)


@quarantine.command(
    short_help="Cho gửi, sau các thông báo hôm nay.",
    epilog=examples(
        "hcc quarantine release --unit H27.12 --dry-run",
        "hcc quarantine release --all --yes --by Lan --why 'đúng là việc của hôm nay'",
    ),
)
@choosing
@filters
@event_days
@of_oa
@accountable
@as_json
def release(oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Cho gửi thông báo đang tạm giữ; thông báo mà hồ sơ đã được báo việc sau đó thì không gửi nữa."""
    from ledger.notices import verbs

    said = "Đã cho gửi {} thông báo."
    do(verbs.RELEASE, wanted(**chosen), Operator(by, why, as_json), oa=oa, name=_NAME, said=said)


@quarantine.command(
    short_help="Bỏ, không gửi nữa.",
    epilog=examples("hcc quarantine discard --to 2025-12-31 --dry-run"),
)
@choosing
@filters
@event_days
@of_oa
@accountable
@as_json
def discard(oa: str | None, by: str, why: str, as_json: bool, **chosen: Any) -> None:
    """Bỏ thông báo đang tạm giữ: không bao giờ gửi."""
    from ledger.notices import verbs

    said = "Đã bỏ {} thông báo."
    do(verbs.DROP, wanted(**chosen), Operator(by, why, as_json), oa=oa, name=_NAME, said=said)
