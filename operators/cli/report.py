"""`hcc report`: what the ledger says about days and units: phones to correct, reach, a digest without people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.output import as_json, print_json, print_table, say
from producers.digest import post as post_digest
from worker.domain.clock import VIETNAM
from worker.domain.code import parse_code
from worker.ledger import statistics
from worker.ledger.audit import audit
from worker.ledger.statistics import Period
from worker.queue.bell import ring

Command = TypeVar("Command", bound=Callable[..., Any])

_PHONE_FAULTS = {
    "no phone number": "không có số điện thoại",
    "landline": "số cố định",
    "service number": "số dịch vụ",
    "invalid phone number": "số không đúng",
    "several numbers": "có nhiều số; đã dùng số đầu tiên",
    "not an allotted number": "đầu số chưa biết; đã gửi thử",
}


def period(command: Command) -> Command:
    """What a report covers: days on Vietnam's calendar, a unit, an OA of several."""
    day = click.DateTime(["%Y-%m-%d"])
    since = click.option("--since", type=day, metavar="NGÀY", help="Từ ngày (năm-tháng-ngày); mặc định 30 ngày qua.")
    until = click.option("--until", type=day, metavar="NGÀY", help="Đến hết ngày; mặc định hôm nay.")
    unit = click.option("--unit", metavar="MÃ", help="Chỉ đơn vị này và các đơn vị dưới nó.")
    return since(until(unit(of_oa(command))))


@click.group(short_help="Báo cáo theo ngày và đơn vị.")
def report() -> None:
    """Báo cáo theo ngày và đơn vị: số điện thoại cần sửa, tỷ lệ đến được người dân, số liệu chung."""


@report.command("bad-phones", short_help="Số điện thoại cần cán bộ kiểm tra, đã che.")
@period
@as_json
def bad_phones(since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê hồ sơ có số điện thoại không dùng được hoặc đáng ngờ, để cán bộ sửa trong hệ thống hồ sơ."""
    found, named = _found(statistics.bad_phones, _period(since, until, unit), oa)
    rows = [{**row, "filed": parts.date if (parts := parse_code(row["code"])) else None} for row in found]
    if as_json:
        print_json([{**row, "filed": row["filed"] and row["filed"].isoformat()} for row in rows])
    else:
        told = [{**row, "reason": _PHONE_FAULTS.get(row["reason"], row["reason"])} for row in rows]
        columns = {
            "code": "Hồ sơ",
            "unit": "Đơn vị",
            "filed": "Ngày nộp",
            "phone": "Số trong hồ sơ",
            "reason": "Vì sao",
            "last_at": "Lần cuối",
        }
        print_table(named | columns, told, empty="Không có số điện thoại nào cần kiểm tra.")


@report.command(short_help="Mỗi ngày, mỗi đơn vị: bao nhiêu thông báo đến được người dân.")
@period
@as_json
def reach(since: datetime | None, until: datetime | None, unit: str | None, oa: str | None, as_json: bool) -> None:
    """Theo ngày và đơn vị: số sự kiện, đã gửi, chưa quan tâm OA, số điện thoại hỏng, thất bại, còn chờ (R37)."""
    rows, named = _found(statistics.reach, _period(since, until, unit), oa)
    if as_json:
        print_json([{**row, "day": row["day"].isoformat()} for row in rows])
    else:
        columns = {**named, "day": "Ngày", "unit": "Đơn vị", **_COUNTS}
        print_table(columns, [{**row, "day": f"{row['day']:%d/%m/%Y}"} for row in rows], empty="Không có sự kiện nào.")


@report.command(short_help="Số liệu chung của kỳ, không có dữ liệu cá nhân.")
@period
@click.option("--post", is_flag=True, help="Gửi cho cán bộ của đơn vị (`hcc staff`), mỗi kỳ một lần.")
@click.option("--by", default="cli", metavar="TÊN", help="Ai gửi.")
@click.option("--why", default="báo cáo định kỳ", metavar="LÝ_DO", help="Vì sao gửi.")
@as_json
def digest(
    since: datetime | None,
    until: datetime | None,
    unit: str | None,
    oa: str | None,
    *,
    post: bool,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Số liệu theo loại thông báo cho cả kỳ, chỉ có con số (R32).

    Với --post, cán bộ đã đăng ký nhận số liệu của đơn vị mình qua Zalo; không có --unit thì mọi đơn vị có cán bộ.
    """
    chosen = _period(since, until, unit)
    rows, named = _found(statistics.digest, chosen, oa)
    posted = {"posted": _post(oa, chosen, by, why)} if post else {}
    if as_json:
        print_json({"since": chosen.since, "until": chosen.until, "unit": chosen.unit, "kinds": rows, **posted})
        return
    print_table({**named, "kind": "Loại", **_COUNTS}, [*rows, *_total(rows)], empty="Không có sự kiện nào.")
    if post:
        told = ", ".join(f"{name}: {number}" for name, number in posted["posted"].items())
        say(f"Gửi cho cán bộ: {told or 'chưa có cán bộ nào đăng ký (hcc staff add)'}.")


_POST_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


def _post(oa: str | None, chosen: Period, by: str, why: str) -> dict[str, int]:
    """By unit, how many staff get the numbers now."""
    with services(*_POST_NEEDS, oa=oa) as made:
        with made.ledger.begin() as tx:
            posted = post_digest(tx, made.oa, chosen)
            for unit, number in posted.items():
                audit(tx, made.oa, "digest post", f"{unit}: {number}", by=by, why=why)
        if any(posted.values()):
            ring(made.oa)
    return posted


Query = Callable[[Connection, str, Period], list[dict[str, Any]]]


def _found(query: Query, chosen: Period, oa: str | None) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of one OA or of all, and the column that tells which, where there are several."""
    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = [row for one in every(made, oa) for row in told_of(made, one, query(connection, one.oa, chosen))]
        return rows, named_columns(made, {})


_COUNTS = {
    "events": "Sự kiện",
    "sent": "Đã gửi",
    "not_follower": "Chưa quan tâm",
    "bad_phone": "Số hỏng",
    "failed": "Thất bại",
    "not_needed": "Không cần gửi",
    "pending": "Còn chờ",
}


def _total(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"oa": "", "kind": "Tổng", **{name: sum(row[name] for row in rows) for name in _COUNTS}}] if rows else []


def _period(since: datetime | None, until: datetime | None, unit: str | None) -> Period:
    today = datetime.now(VIETNAM).date()
    last = until.date() if until else today
    first = since.date() if since else last - timedelta(days=29)
    if first > last:
        raise click.BadParameter("--since phải trước --until.")
    return Period(_midnight(first), _midnight(last + timedelta(days=1)), unit.strip().upper() if unit else None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, VIETNAM)
