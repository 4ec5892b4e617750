"""`hcc purge`: what is older than it may be kept goes now; workers do the same every few minutes."""

from __future__ import annotations

from datetime import datetime

import click

from operators.cli.context import deployment
from operators.cli.output import accountable, say
from worker.clocks import apart, proven, read
from worker.deployment import Deployment
from worker.domain.clock import to_vietnam
from worker.ledger import past
from worker.ledger.audit import audit
from worker.ledger.months import Part
from worker.ledger.past import Kept, Leap

_SECONDS = 60.0  # for a round; the command goes on until nothing is left


@click.command(short_help="Xóa ngay những gì quá hạn lưu giữ.")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="NĂM-THÁNG-NGÀY",
    help="Hôm nay theo lịch của người chạy lệnh; chỉ cần khi lệnh hỏi (nghỉ dọn nhiều tháng, hoặc đồng hồ vừa nhảy).",
)
@accountable
def purge(today: datetime | None, by: str, why: str) -> None:
    """Cất thông báo đã xong vào kho theo tháng, xóa các tháng quá HCC_KEEP_MONTHS; sự kiện đã báo không bị báo lại."""
    dropped: list[Part] = []
    put_away = given_up = 0
    with deployment() as made:
        now, keep, more = _now(made), made.shared.settings.keep_months, True
        if today is not None and today.date() != to_vietnam(now).date():
            raise click.ClickException(
                f"Đồng hồ hệ thống chỉ {to_vietnam(now):%Y-%m-%d}, không phải hôm nay: chưa xóa gì."
            )
        while more:
            kept = _round(made, now, by=by, leap=today is not None)
            dropped += kept.dropped
            put_away, given_up, more = put_away + kept.put_away, given_up + kept.given_up, kept.more
        names = ", ".join(part.name for part in dropped) or "nothing"
        with made.shared.ledger.begin() as tx:
            subject = f"dropped {names}; put away {put_away}; given up {given_up}"
            for oa in made.oas:
                audit(tx, oa, "purge", subject, by=by, why=why)
    for part in dropped:
        say(f"Đã xóa {part.name} (khoảng {part.rows} dòng).")
    if not dropped:
        say(f"Không có tháng nào quá {keep} tháng.")
    say(f"Đã cất {put_away} thông báo đã xong; bỏ {given_up} thông báo treo quá hạn.")


def _now(made: Deployment) -> datetime:
    """The time by which something goes for good: the clocks must agree on it."""
    with made.shared.ledger.connect() as connection:
        readings = read(connection, made.shared.redis)
    now = proven(readings)
    if now is None:
        seconds = apart(readings).total_seconds()
        raise click.ClickException(
            f"Các đồng hồ lệch nhau {seconds:.0f} giây: chưa xóa gì. Đặt lại giờ (NTP), xem `hcc doctor`."
        )
    return now


def _round(made: Deployment, now: datetime, *, by: str, leap: bool) -> Kept:
    shared = made.shared
    try:
        return past.keep_house(
            shared.ledger, now=now, keep_months=shared.settings.keep_months, by=by, seconds=_SECONDS, leap=leap
        )
    except Leap:
        shown = to_vietnam(now)
        raise click.ClickException(
            "Nhiều tháng nay chưa dọn kho, hoặc đồng hồ vừa nhảy: chưa xóa gì. "
            f"Nếu hôm nay đúng là {shown:%d/%m/%Y}, chạy lại với --today {shown:%Y-%m-%d}."
        ) from None
