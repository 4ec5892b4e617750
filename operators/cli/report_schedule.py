"""`hcc report schedule`: reports that are mailed each day, week or month (docs/reports.md)."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.days import OF_UNIT, any_unit
from operators.cli.output import accountable, answer, as_json, examples, not_done, print_json, print_table

REPORTS = ("reach", "dossiers", "causes", "delays", "costs", "followers", "scans", "bad-phones")
PACES = {"daily": "hằng ngày", "weekly": "hằng tuần", "monthly": "hằng tháng"}


@click.group(short_help="Báo cáo gửi thư theo lịch.")
def schedule() -> None:
    """Báo cáo được gửi thư hằng ngày, hằng tuần, hằng tháng, qua máy chủ thư HCC_MAIL_URL; worker gửi từ 6 giờ sáng."""


@schedule.command(
    short_help="Đặt lịch gửi một báo cáo.",
    epilog=examples(
        "hcc report schedule add --report reach --every weekly --to ban@hatinh.gov.vn --by Lan --why 'giao ban'",
        "hcc report schedule add --report costs --every daily --to a@hatinh.gov.vn --form csv --by Lan --why 'đối chi'",
    ),
)
@click.option("--report", type=click.Choice(REPORTS), required=True, metavar="TÊN", help=", ".join(REPORTS) + ".")
@click.option("--every", "pace", type=click.Choice(list(PACES)), required=True, metavar="NHỊP", help=", ".join(PACES))
@click.option(
    "--to", "receivers", multiple=True, required=True, metavar="HỘP_THƯ", help="Ai nhận; nhiều người: lặp lại."
)
@click.option("--form", type=click.Choice(["pdf", "xlsx", "csv"]), default="pdf", show_default=True, metavar="DẠNG")
@click.option("--unit", callback=any_unit, metavar="MÃ", help=OF_UNIT)
@of_oa
@accountable
@as_json
def add(
    report: str,
    pace: str,
    receivers: tuple[str, ...],
    *,
    form: str,
    unit: str | None,
    oa: str | None,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Kỳ đầu tiên được gửi là kỳ đang chạy, khi nó kết thúc."""
    from config.values import check_mail
    from domain.paces import ReportPace
    from ledger.base.audit import audit
    from ledger.reports import schedules
    from operators.reports.catalogue import CATALOGUE

    try:
        check_mail(list(receivers))
    except ValueError as fault:
        raise click.BadParameter(f"{fault}.", param_hint="--to") from None
    if unit is not None and not CATALOGUE[report].of_units:
        raise click.UsageError("Báo cáo này của cả OA, không theo đơn vị.")
    with services(oa=oa) as made, made.ledger.begin() as tx:
        number = schedules.add(tx, made.oa, report, ReportPace(pace), form, unit, receivers)
        told = f"{number}: {report} {pace} {form} {unit or ''}".rstrip() + f", {len(receivers)} receivers"
        audit(tx, made.oa, "schedule add", told, by=by, why=why)
    answer(f"Đã đặt lịch số {number}: {PACES[pace]}.", as_json=as_json, done=1, id=number)


@schedule.command("list", short_help="Liệt kê các lịch.", epilog=examples("hcc report schedule list"))
@of_oa
@as_json
def list_schedules(oa: str | None, as_json: bool) -> None:
    """Ai nhận báo cáo nào, bao lâu một lần."""
    from ledger.reports import schedules

    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            found = [
                {
                    "id": each.id,
                    "report": each.report,
                    "pace": each.pace.value,
                    "form": each.form,
                    "unit": each.unit,
                    "receivers": ", ".join(each.receivers),
                    "added_at": each.added_at,
                }
                for each in schedules.listed(connection, one.oa)
            ]
            rows += told_of(made, one, found)
        named = named_columns(
            made,
            {"id": "Số", "report": "Báo cáo", "pace": "Nhịp", "form": "Dạng", "unit": "Đơn vị", "receivers": "Ai nhận"},
        )
    if as_json:
        print_json(rows)
    else:
        print_table(named, [{**row, "pace": PACES[row["pace"]]} for row in rows], empty="Chưa có lịch nào.")


@schedule.command(
    short_help="Bỏ một lịch.", epilog=examples("hcc report schedule remove 3 --by Lan --why 'thôi giao ban'")
)
@click.argument("number", type=click.IntRange(1), metavar="SỐ")
@of_oa
@accountable
@as_json
def remove(number: int, oa: str | None, by: str, why: str, *, as_json: bool) -> None:
    """Bỏ lịch SỐ (xem `hcc report schedule list`); báo cáo của kỳ này không gửi nữa."""
    from ledger.base.audit import audit
    from ledger.reports import schedules

    with services(oa=oa) as made, made.ledger.begin() as tx:
        gone = schedules.remove(tx, made.oa, number)
        if gone is None:
            raise not_done(f"Không có lịch số {number}.", as_json=as_json, id=number, why="not found")
        audit(tx, made.oa, "schedule remove", f"{number}: {gone.report} {gone.pace}", by=by, why=why)
    answer(f"Đã bỏ lịch số {number}.", as_json=as_json, done=1)


@schedule.command(short_help="Gửi ngay những báo cáo đến kỳ.", epilog=examples("hcc report schedule run"))
@as_json
def run(*, as_json: bool) -> None:
    """Lập và gửi những báo cáo đến kỳ mà chưa gửi; worker tự chạy lệnh này mỗi khi có báo cáo đến kỳ."""
    from operators.reports.posting import post_due

    with deployment() as made:
        taken = list(post_due(made))
    put_off = taken.count(False)
    said = f"Đã gửi {taken.count(True)} báo cáo." + (f" {put_off} chưa gửi được, sẽ thử lại." if put_off else "")
    answer(said, as_json=as_json, done=taken.count(True), put_off=put_off)
