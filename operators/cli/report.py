"""`hcc report`: reports by day and unit: on the screen, as JSON, CSV, XLSX or PDF; their roll-ups (docs/reports.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from domain.code import parse_code
from operators.cli.bulk import in_words
from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.days import OF_UNIT, any_unit
from operators.cli.output import accountable_or_user, answer, as_json, examples, print_json, print_table, say
from operators.cli.progress import working
from operators.cli.report_output import OutputForm, output_form, show
from operators.cli.report_schedule import schedule
from operators.cli.sent import sent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.reports.statistics import ReportPeriod

Command = TypeVar("Command", bound=Callable[..., Any])

_NO_EVENTS = "Không có sự kiện nào."


def days(command: Command) -> Command:
    """Add the options for the days of a report, on Vietnam's calendar, and for one OA of several."""
    day = click.DateTime(["%Y-%m-%d"])
    since = click.option("--since", type=day, metavar="NGÀY", help="Từ ngày (năm-tháng-ngày); mặc định 30 ngày qua.")
    until = click.option("--until", type=day, metavar="NGÀY", help="Đến hết ngày; mặc định hôm nay.")
    return since(until(of_oa(command)))


def period(command: Command) -> Command:
    """Add the options for the scope of a report: days, one OA of several, a unit."""
    return days(click.option("--unit", callback=any_unit, metavar="MÃ", help=OF_UNIT)(command))


def old_units(command: Command) -> Command:
    """Add the option for the view by the units of the time."""
    text = "Theo đơn vị lúc ghi nhận, không gộp vào đơn vị kế tục."
    return click.option("--old-units", is_flag=True, help=text)(command)


@click.group(short_help="Báo cáo theo ngày và đơn vị.")
def report() -> None:
    """Báo cáo theo ngày và đơn vị: số điện thoại cần sửa, tỷ lệ đến được người dân, độ trễ, chi phí, người quan tâm."""


report.add_command(sent)
report.add_command(schedule)


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

    chosen, wanted = _period(since, until, unit), OutputForm(**form)
    if wanted.is_file:
        show(lambda tx, one: reports.phones(tx, one.oa, chosen), chosen, oa, wanted, tallied=False)
        return
    found, named = _found(statistics.bad_phones, chosen, oa)
    rows = [{**row, "filed": parts.date if (parts := parse_code(row["code"])) else None} for row in found]
    if wanted.as_json:
        print_json([{**row, "filed": row["filed"] and row["filed"].isoformat()} for row in rows])
    else:
        told = in_words(rows)
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

    chosen, wanted = _period(since, until, unit, folded=not old_units), OutputForm(**form)
    if wanted.is_file:
        show(lambda tx, one: reports.reach(tx, one.oa, chosen), chosen, oa, wanted)
        return
    rows, named = _found(statistics.reach, chosen, oa, tallied=True)
    if wanted.as_json:
        print_json([{**row, "day": row["day"].isoformat()} for row in rows])
    else:
        columns = {**named, "day": "Ngày", "unit": "Đơn vị", **reports.COUNTS}
        print_table(columns, [{**row, "day": f"{row['day']:%d/%m/%Y}"} for row in rows], empty=_NO_EVENTS)


@report.command(
    short_help="Mỗi ngày, mỗi đơn vị: bao nhiêu hồ sơ báo được qua Zalo.",
    epilog=examples("hcc report dossiers", "hcc report dossiers --unit H27.37 --pdf ho-so.pdf"),
)
@period
@old_units
@output_form
def dossiers(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo ngày và đơn vị: hồ sơ có tin trong ngày, tỷ lệ báo được qua Zalo, điều gì ngăn phần còn lại (R37).

    Tỷ lệ không tính hồ sơ không cần báo và hồ sơ còn chờ.
    """
    from operators.reports import dossiers as of_dossiers

    chosen = _period(since, until, unit, folded=not old_units)
    show(lambda tx, one: of_dossiers.dossiers(tx, one.oa, chosen), chosen, oa, OutputForm(**form))


@report.command(
    short_help="Mỗi đơn vị: vì sao chưa báo được.",
    epilog=examples("hcc report causes", "hcc report causes --unit H27 --pdf vi-sao.pdf"),
)
@period
@old_units
@output_form
def causes(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo đơn vị: các thông báo chưa đến được người dân, vì sao, bao nhiêu."""
    from operators.reports import reports

    chosen = _period(since, until, unit, folded=not old_units)
    show(lambda tx, one: reports.causes(tx, one.oa, chosen), chosen, oa, OutputForm(**form))


@report.command(
    short_help="Mỗi ngày, mỗi đơn vị: từ lúc có việc đến lúc Zalo nhận tin.",
    epilog=examples("hcc report delays", "hcc report delays --since 2026-01-01 --json"),
)
@period
@old_units
@output_form
def delays(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo ngày gửi và đơn vị: một nửa, 95 %, 99 % thông báo được Zalo nhận trong bao nhiêu giây."""
    from operators.reports import reports

    chosen = _period(since, until, unit, folded=not old_units)
    show(lambda tx, one: reports.delays(tx, one.oa, chosen), chosen, oa, OutputForm(**form))


@report.command(
    short_help="Mỗi ngày, mỗi kênh: chi phí so với hạn mức.",
    epilog=examples("hcc report costs", "hcc report costs --since 2026-01-01 --until 2026-01-31 --json"),
)
@days
@output_form
def costs(since: datetime | None, until: datetime | None, oa: str | None, **form: Any) -> None:
    """Theo ngày và kênh: số tin, chi phí (đồng) theo bảng giá, so với hạn mức ngày đang đặt."""
    from operators.reports import reports

    chosen = _period(since, until, None)
    show(lambda tx, one: reports.costs(tx, one.oa, chosen, one.budget.dong), chosen, oa, OutputForm(**form))


@report.command(
    short_help="Mỗi ngày, mỗi đơn vị: người mới quan tâm OA.",
    epilog=examples("hcc report followers", "hcc report followers --unit H27.37 --csv -"),
)
@period
@old_units
@output_form
def followers(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo ngày và đơn vị của hồ sơ: người mới quan tâm OA, nay vẫn quan tâm; có hồ sơ ở hai đơn vị: tính ở cả hai."""
    from operators.reports import reports

    chosen = _period(since, until, unit, folded=not old_units)
    show(lambda tx, one: reports.followers(tx, one.oa, chosen), chosen, oa, OutputForm(**form), tallied=False)


@report.command(
    short_help="Mỗi ngày, mỗi đơn vị: lượt quét mã QR trên áp phích.",
    epilog=examples("hcc report scans", "hcc report scans --unit H27.37 --csv -"),
)
@period
@old_units
@output_form
def scans(
    since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, *, old_units: bool, **form: Any
) -> None:
    """Theo ngày và đơn vị: lượt quét mã QR của `hcc poster`; chỉ đếm khi HCC_CONSOLE_URL đã đặt lúc in áp phích."""
    from operators.reports import reports

    chosen = _period(since, until, unit, folded=not old_units)
    show(lambda tx, one: reports.scans(tx, one.oa, chosen), chosen, oa, OutputForm(**form), tallied=False)


@report.command(
    short_help="Số liệu chung của kỳ, không có dữ liệu cá nhân.",
    epilog=examples(
        "hcc report digest --json",
        "hcc report digest --since 2026-01-01 --until 2026-01-31 --post --by Lan",
        "hcc report digest --unit H27.37 --preview",
    ),
)
@period
@click.option("--post", is_flag=True, help="Gửi cho cán bộ của đơn vị (`hcc staff`), mỗi kỳ một lần.")
@click.option("--preview", is_flag=True, help="In đúng nội dung mà --post gửi, không gửi.")
@accountable_or_user("báo cáo định kỳ")
@as_json
def digest(
    since: datetime | None,
    until: datetime | None,
    unit: str | None,
    oa: str | None,
    *,
    post: bool,
    preview: bool,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Số liệu theo loại thông báo cho cả kỳ, chỉ có con số (R32).

    Với --post, cán bộ đã đăng ký nhận số liệu của đơn vị mình qua Zalo; không có --unit thì mọi đơn vị có cán bộ.
    """
    from ledger.reports import statistics
    from operators.reports import reports

    chosen = _period(since, until, unit)
    rows, named = _found(statistics.digest, chosen, oa, tallied=True)
    texts = _texts(oa, chosen) if preview else {}
    posted = {"posted": _post(oa, chosen, by, why)} if post else {}
    if as_json:
        more = posted | ({"texts": texts} if preview else {})
        print_json({"since": chosen.since, "until": chosen.until, "unit": chosen.unit, "kinds": rows, **more})
        return
    for text in texts.values():
        say(f"{text}\n", lines=True)
    print_table({**named, "kind": "Loại", **reports.COUNTS}, [*rows, *_total(rows, reports.COUNTS)], empty=_NO_EVENTS)
    if post:
        told = ", ".join(f"{name}: {number}" for name, number in posted["posted"].items())
        say(f"Gửi cho cán bộ: {told or 'chưa có cán bộ nào đăng ký (hcc staff add)'}.")


def _texts(oa: str | None, chosen: ReportPeriod) -> dict[str, str]:
    """By unit the text that the digest would have: of the chosen one, else of each that has staff."""
    from dataclasses import replace

    from operators.reports.news import digest_text
    from producers.digest import digest_of, staff_of

    with services(oa=oa) as made, made.ledger.connect() as connection:
        wanted = [chosen.unit] if chosen.unit else list(staff_of(connection, made.oa, None))
        return {
            unit: digest_text(made, digest_of(connection, made.oa, replace(chosen, unit=unit), unit)) for unit in wanted
        }


_POST_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


def _post(oa: str | None, chosen: ReportPeriod, by: str, why: str) -> dict[str, int]:
    """Post the digest; returns by unit how many staff get it now."""
    from coordination.bell import ring
    from ledger.base.audit import audit
    from producers.digest import post as post_digest

    with services(*_POST_NEEDS, oa=oa) as made:
        with made.ledger.begin() as tx:
            posted = post_digest(tx, made.oa, chosen)
            for unit, number in posted.items():
                audit(tx, made.oa, "digest post", f"{unit}: {number}", by=by, why=why)
        if any(posted.values()):
            ring(made.oa)
    return posted


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


def _found(
    query: Callable[[Connection, str, ReportPeriod], list[dict[str, Any]]],
    chosen: ReportPeriod,
    oa: str | None,
    *,
    tallied: bool = False,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of one OA or of all, and the OA column if there are several; `tallied`: recount the roll-ups first."""
    from ledger.reports import tally_rounds

    with deployment() as made, working("Đang tính"):
        if tallied:
            tally_rounds.bring_up(made.shared.ledger, *chosen.days)
        with made.shared.ledger.connect() as connection:
            rows = [row for one in every(made, oa) for row in told_of(made, one, query(connection, one.oa, chosen))]
        return rows, named_columns(made, {})


def _total(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"oa": "", "kind": "Tổng", **{name: sum(row[name] for row in rows) for name in names}}] if rows else []


def _period(since: datetime | None, until: datetime | None, unit: str | None, *, folded: bool = True) -> ReportPeriod:
    from operators.reports.days import period_of

    found = period_of(since and since.date(), until and until.date(), unit, folded=folded)
    if found is None:
        raise click.BadParameter("--since phải trước --until.")
    return found
