"""`hcc purge`: deletes data past its retention now; workers do the same every few minutes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from domain.clock import to_vietnam
from operators.cli.context import deployment
from operators.cli.days import DAY
from operators.cli.exits import Ended
from operators.cli.output import accountable, answer, as_json, examples
from operators.cli.progress import working

if TYPE_CHECKING:
    from ledger.archive.archive import Kept
    from ledger.archive.partitions import Part
    from worker.services.deployment import Deployment

_SECONDS = 60.0  # per round; the command runs rounds until nothing is left


@click.command(
    short_help="Xóa ngay những gì quá hạn lưu giữ.",
    epilog=examples("hcc purge --by Lan --why 'đến kỳ dọn'", "hcc purge --by Lan --why 'đến kỳ dọn' --json"),
)
@click.option(
    "--today",
    type=DAY,
    metavar="NĂM-THÁNG-NGÀY",
    help="Hôm nay theo lịch của người chạy lệnh; chỉ cần khi lệnh hỏi (nghỉ dọn nhiều tháng, hoặc đồng hồ vừa nhảy).",
)
@accountable
@as_json
def purge(today: datetime | None, by: str, why: str, as_json: bool) -> None:
    """Cất thông báo đã xong vào kho theo tháng, xóa các tháng quá HCC_KEEP_MONTHS; sự kiện đã báo không bị báo lại."""
    from ledger.base.audit import audit

    dropped: list[Part] = []
    put_away = given_up = 0
    with deployment() as made, working("Đang dọn") as tell:
        now, keep, more = _now(made), made.shared.settings.keep_months, True
        if today is not None and today.date() != to_vietnam(now).date():
            raise Ended(f"Đồng hồ hệ thống chỉ {to_vietnam(now):%Y-%m-%d}, không phải hôm nay: chưa xóa gì.")
        while more:
            kept = _round(made, now, by=by, leap=today is not None)
            dropped += kept.dropped
            put_away, given_up, more = put_away + kept.put_away, given_up + kept.given_up, kept.more
            tell(put_away)
        names = ", ".join(part.name for part in dropped) or "nothing"
        with made.shared.ledger.begin() as tx:
            subject = f"dropped {names}; put away {put_away}; given up {given_up}"
            for oa in made.oas:
                audit(tx, oa, "purge", subject, by=by, why=why)
    said = [f"Đã xóa {part.name} (khoảng {part.rows} dòng)." for part in dropped]
    said += [f"Đã cất {put_away} thông báo đã xong; bỏ {given_up} thông báo treo quá hạn."]
    if not dropped:
        said.insert(0, f"Không có tháng nào quá {keep} tháng.")
    gone = [{"name": part.name, "rows": part.rows} for part in dropped]
    answer("\n".join(said), as_json=as_json, done=put_away, dropped=gone, given_up=given_up)


def _now(made: Deployment) -> datetime:
    """The time for the purge. Deletion is final, so the clocks must agree. Raises `Ended` if they do not."""
    from worker.services.clocks import apart, proven, read

    with made.shared.ledger.connect() as connection:
        readings = read(connection, made.shared.redis)
    now = proven(readings)
    if now is None:
        seconds = apart(readings).total_seconds()
        raise Ended(f"Các đồng hồ lệch nhau {seconds:.0f} giây: chưa xóa gì. Đặt lại giờ (NTP), xem `hcc doctor`.")
    return now


def _round(made: Deployment, now: datetime, *, by: str, leap: bool) -> Kept:
    from ledger.archive import archive
    from ledger.archive.archive import Leap

    shared = made.shared
    try:
        return archive.keep_house(
            shared.ledger, now=now, keep_months=shared.settings.keep_months, by=by, seconds=_SECONDS, leap=leap
        )
    except Leap:
        shown = to_vietnam(now)
        raise Ended(
            "Nhiều tháng nay chưa dọn kho, hoặc đồng hồ vừa nhảy: chưa xóa gì. "
            f"Nếu hôm nay đúng là {shown:%d/%m/%Y}, chạy lại với --today {shown:%Y-%m-%d}."
        ) from None
