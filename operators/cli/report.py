"""`hcc report`: reports by day and unit: on the screen, as JSON, CSV, XLSX or PDF; their roll-ups (docs/reports.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from domain.code import parse_code
from operators.cli.bulk import in_words
from operators.cli.context import deployment
from operators.cli.output import answer, as_json, examples, print_json, print_table
from operators.cli.progress import working
from operators.cli.report_digest import digest
from operators.cli.report_output import OutputForm, output_form, show
from operators.cli.report_schedule import schedule
from operators.cli.report_scope import NO_EVENTS, chosen_period, days, found_rows, old_units, period
from operators.cli.sent import sent


@click.group(short_help="Báo cáo theo ngày và đơn vị.")
def report() -> None:
    """Báo cáo theo ngày và đơn vị: số điện thoại cần sửa, tỷ lệ đến được người dân, độ trễ, chi phí, người quan tâm."""


@report.command(
    "bad-phones",
    short_help="Số điện thoại cần cán bộ kiểm tra, đã che.",
    epilog=examples("hcc report bad-phones --unit H27.37", "hcc report bad-phones --since 2026-01-01 --json"),
)
@period
@output_form
def bad_phones(since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, **form: Any) -> None:
    """Liệt kê hồ sơ có số điện thoại không dùng được hoặc đáng ngờ, để cán bộ sửa trong hệ thống hồ sơ."""
    from ledger.reports import statistics
    from operators.reports import reports

    chosen, wanted = chosen_period(since, until, unit), OutputForm(**form)
    if wanted.is_file:
        show(lambda tx, one: reports.phones(tx, one.oa, chosen), chosen, oa, wanted, tallied=False)
        return
    found, named = found_rows(statistics.bad_phones, chosen, oa)
    rows = [{**row, "filed": parts.date if (parts := parse_code(row["code"])) else None} for row in found]
    if wanted.as_json:
        print_json([{**row, "filed": row["filed"] and row["filed"].isoformat()} for row in rows])
    else:
        told = [{**row, "filed": row["filed"] and f"{row['filed']:%d/%m/%Y}"} for row in in_words(rows)]
        columns = {
            "code": "Hồ sơ",
            "unit": "Đơn vị",
            "filed": "Ngày nộp",
            "phone": "Số trong hồ sơ",
            "reason_vi": "Vì sao",
            "last_at": "Lần cuối",
        }
        print_table(named | columns, told, empty="Không có số điện thoại nào cần kiểm tra.")


@report.command(
    short_help="Mỗi ngày, mỗi đơn vị: bao nhiêu thông báo đến được người dân.",
    epilog=examples(
        "hcc report reach", "hcc report reach --since 2026-01-01 --until 2026-01-31 --json", "hcc report reach --csv -"
    ),
)
@period
@old_units
@output_form
def reach(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo ngày và đơn vị: số sự kiện, đã gửi, chưa quan tâm OA, số điện thoại hỏng, thất bại, còn chờ (R37).

    Tệp CSV và Excel có thêm: tên đơn vị, đã đến máy, đã xem, tỷ lệ đến được, chi phí.
    """
    from ledger.reports import statistics
    from operators.reports import reports

    chosen, wanted = chosen_period(since, until, unit, old_units=old_units), OutputForm(**form)
    if wanted.is_file:
        show(lambda tx, one: reports.reach(tx, one.oa, chosen), chosen, oa, wanted)
        return
    rows, named = found_rows(statistics.reach, chosen, oa, tallied=True)
    if wanted.as_json:
        print_json([{**row, "day": row["day"].isoformat()} for row in rows])
    else:
        columns = {**named, "day": "Ngày", "unit": "Đơn vị", **reports.COUNTS}
        print_table(columns, [{**row, "day": f"{row['day']:%d/%m/%Y}"} for row in rows], empty=NO_EVENTS)


def _catalogued(name: str, short_help: str, text: str, *lines: str, of_units: bool = True) -> click.Command:
    """The command of a report of the catalogue, whose screen has the columns of its files."""

    def make(
        since: datetime | None,
        until: datetime | None,
        oa: str | None,
        unit: str | None = None,
        *,
        old_units: bool = False,
        **form: Any,
    ) -> None:
        from operators.reports.catalogue import CATALOGUE, VIETNAMESE

        known, chosen = CATALOGUE[name], chosen_period(since, until, unit, old_units=old_units)
        output = OutputForm(**form)
        show(lambda tx, one: known.make(tx, one, chosen, VIETNAMESE), chosen, oa, output, tallied=known.tallied)

    scoped = period(old_units(output_form(make))) if of_units else days(output_form(make))
    return click.command(name, short_help=short_help, help=text, epilog=examples(*lines))(scoped)


_CATALOGUED = (
    _catalogued(
        "dossiers",
        "Mỗi ngày, mỗi đơn vị: bao nhiêu hồ sơ báo được qua Zalo.",
        "Theo ngày và đơn vị: hồ sơ có tin trong ngày, tỷ lệ báo được qua Zalo, điều gì ngăn phần còn lại (R37).\n\n"
        "Tỷ lệ không tính hồ sơ không cần báo và hồ sơ còn chờ.",
        "hcc report dossiers",
        "hcc report dossiers --unit H27.37 --pdf ho-so.pdf",
    ),
    _catalogued(
        "causes",
        "Mỗi đơn vị: vì sao chưa báo được.",
        "Theo đơn vị: các thông báo chưa đến được người dân, vì sao, bao nhiêu.",
        "hcc report causes",
        "hcc report causes --unit H27 --pdf vi-sao.pdf",
    ),
    _catalogued(
        "delays",
        "Mỗi ngày, mỗi đơn vị: từ lúc có việc đến lúc Zalo nhận tin.",
        "Theo ngày gửi và đơn vị: một nửa, 95 %, 99 % thông báo được Zalo nhận trong bao nhiêu giây.",
        "hcc report delays",
        "hcc report delays --since 2026-01-01 --json",
    ),
    _catalogued(
        "costs",
        "Mỗi ngày, mỗi kênh: chi phí so với hạn mức.",
        "Theo ngày và kênh: số tin, chi phí (đồng) theo bảng giá, so với hạn mức ngày đang đặt.",
        "hcc report costs",
        "hcc report costs --since 2026-01-01 --until 2026-01-31 --json",
        of_units=False,
    ),
    _catalogued(
        "followers",
        "Mỗi ngày, mỗi đơn vị: người mới quan tâm OA.",
        "Theo ngày và đơn vị của hồ sơ: người mới quan tâm OA, nay vẫn quan tâm; có hồ sơ ở hai đơn vị: tính ở cả hai.",
        "hcc report followers",
        "hcc report followers --unit H27.37 --csv -",
    ),
    _catalogued(
        "scans",
        "Mỗi ngày, mỗi đơn vị: lượt quét mã QR trên áp phích.",
        "Theo ngày và đơn vị: lượt quét mã QR của `hcc poster`; chỉ đếm khi HCC_CONSOLE_URL đã đặt lúc in áp phích.",
        "hcc report scans",
        "hcc report scans --unit H27.37 --csv -",
    ),
)


@report.command(
    short_help="Tính lại số liệu đã tổng hợp.",
    epilog=examples("hcc report rebuild", "hcc report rebuild --days 31 --json"),
)
@click.option("--days", type=click.IntRange(1, 3660), default=8, show_default=True, metavar="SỐ", help="Số ngày qua.")
@as_json
def rebuild(days: int, *, as_json: bool) -> None:
    """Tính lại số liệu tổng hợp từ các thông báo; ngày mà thông báo đã xóa theo thời hạn lưu thì giữ nguyên."""
    from ledger.reports import tally_rounds

    with deployment() as made:
        with made.shared.ledger.begin() as tx:
            first, end, total = tally_rounds.mark_days(tx, days)
        with working("Đang tính", total) as tell:
            number = 0
            for _day in tally_rounds.rebuild(made.shared.ledger, first, end):
                number += 1
                tell(number)
    said = f"Đã tính lại {number} ngày, từ {first:%d/%m/%Y}."
    answer(said, as_json=as_json, done=number, since=first.isoformat())


for command in (*_CATALOGUED, digest, schedule, sent):
    report.add_command(command)
