"""`hcc unreachable`: lists notices whose person cannot be reached now."""

from __future__ import annotations

from typing import Any

import click

from domain.lifecycle import State
from operators.cli.bulk import limited, show_held
from operators.cli.context import of_oa
from operators.cli.dead import filters
from operators.cli.output import as_json, examples


@click.group(short_help="Thông báo chưa có cách đến người dân: xem.")
def unreachable() -> None:
    """Thông báo chưa có cách đến người dân; tự gửi khi họ quan tâm OA trong HCC_FOLLOW_GRACE_DAYS ngày."""


@unreachable.command(
    "list",
    short_help="Liệt kê thông báo chưa có cách đến người dân.",
    epilog=examples("hcc unreachable list --limit 50", "hcc unreachable list --kind accepted --json"),
)
@filters
@limited
@of_oa
@as_json
def list_unreachable(limit: int | None, oa: str | None, as_json: bool, **narrowed: Any) -> None:
    """Liệt kê thông báo chưa có cách đến người dân: lý do, loại, số lần thử, tuổi."""
    from ledger.notices.verbs import Choice

    empty = "Không có thông báo nào đang chờ người dân quan tâm OA."
    show_held(State.UNREACHABLE, Choice(**narrowed), limit, oa=oa, as_json=as_json, empty=empty)
