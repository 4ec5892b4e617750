"""`hcc report sent`: what was sent between two times, to set a mistake right (docs/runbooks/mistake.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from operators.cli.context import of_oa
from operators.cli.days import OF_UNIT, any_unit, past
from operators.cli.kinds import KIND
from operators.cli.output import examples, not_blank
from operators.cli.report_output import OutputForm, output_form, show

_SINCE = "Từ lúc này: ISO (2026-01-31T08:00), hoặc 30m, 2h, 1d trước."
_WORDS = "Chỉ tin có đúng đoạn chữ này trong nội dung đã gửi; không tìm được trong tin đã xóa nội dung."


@click.command(
    short_help="Tin đã gửi trong một khoảng thời gian: hồ sơ nào, đơn vị nào.",
    epilog=examples(
        "hcc report sent --since 2h --kind fee_requested",
        "hcc report sent --since 2026-01-31T08:00 --until 2026-01-31T09:30 --words 'lệ phí 0 đồng' --csv -",
    ),
)
@click.option("--since", callback=past, required=True, metavar="LÚC", help=_SINCE)
@click.option("--until", callback=past, metavar="LÚC", help="Đến trước lúc này; mặc định: bây giờ.")
@click.option("--kind", type=KIND, metavar="LOẠI", help="Chỉ loại này.")
@click.option("--unit", callback=any_unit, metavar="MÃ", help=OF_UNIT)
@click.option("--words", callback=not_blank, metavar="CHỮ", help=_WORDS)
@of_oa
@output_form
def sent(
    *,
    since: datetime,
    until: datetime | None,
    kind: str | None,
    unit: str | None,
    words: str | None,
    oa: str | None,
    **form: Any,
) -> None:
    """Liệt kê tin Zalo đã nhận hoặc có thể đã nhận: mã hồ sơ, đơn vị, loại, lúc gửi; không có số điện thoại.

    Dùng khi đã gửi nhầm: tìm những người cần được xin lỗi và giải thích.
    """
    from ledger.reports.sent import SentChoice
    from operators.reports import sent as report

    choice = SentChoice(since, until or datetime.now(UTC), kind, unit, words)
    if choice.since >= choice.until:
        raise click.BadParameter("--since phải trước --until.")
    wanted = OutputForm(**form)
    show(lambda tx, one: report.sent(tx, one.oa, choice), None, oa, wanted, empty="Không có tin nào.")
