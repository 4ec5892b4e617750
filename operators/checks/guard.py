"""Checks of the quarantine, of the switches, and of the identity of the dossier database."""

from __future__ import annotations

from collections.abc import Iterator

from domain.clock import to_the_second
from domain.volume_guard import MANY, OLD
from ledger.notices import guard_counts, switches
from ledger.notices.switches import EVERY_OA
from ledger.reports import reports
from ledger.source import sources
from operators.checks.fault import CheckFault
from worker.services.bootstrap import Services


def check_quarantine(made: Services) -> Iterator[str]:
    """Notices in quarantine are not sent before a person has looked at them."""
    with made.ledger.connect() as connection:
        kept = reports.live_counts(connection, made.oa)["quarantined"]
        lately = guard_counts.lately(connection, made.oa)
    if kept:
        because = f"24 giờ qua: {lately.get(OLD, 0)} vì quá cũ, {lately.get(MANY, 0)} vì quá nhiều"
        raise CheckFault(
            f"{kept} thông báo đang tạm giữ ({because}); xem `hcc quarantine list --count`, rồi "
            "`hcc quarantine release` hoặc `hcc quarantine discard`"
        )
    yield f"không tạm giữ gì; {_limits(made)}"


def _limits(made: Services) -> str:
    days, most = made.settings.old_event_days, made.settings.guard_notices
    old = f"giữ việc cũ hơn {days:g} ngày" if days else "không giữ vì cũ (HCC_OLD_EVENT_DAYS=0)"
    many = f"giữ khi quá {most} trong mười phút" if most else "không giữ vì nhiều (HCC_GUARD_NOTICES=0)"
    return f"{old}, {many}"


def check_switches(made: Services) -> Iterator[str]:
    """A switch that is off is no fault, but it explains why nothing is sent. The number is that of the last count."""
    with made.ledger.connect() as connection:
        off = [one for one in switches.listed(connection) if one.oa in (EVERY_OA, made.oa)]
    for one in off:
        until = f"đến {to_the_second(one.until)}" if one.until else "chưa hẹn lúc cho gửi lại"
        waiting = f": {one.held} đang chờ lúc {to_the_second(one.held_at)}" if one.held_at else ""
        yield f"{one.by} đã dừng {one.told} từ {to_the_second(one.since)}, {until}{waiting}"
    if not off:
        yield "không dừng gì"


def check_identity(made: Services) -> Iterator[str]:
    """A database that is not the known one is not read before an operator has said what it is."""
    with made.ledger.connect() as connection:
        known = sources.read(connection, made.oa)
    if known.strange is not None and known.strange_at is not None:
        raise CheckFault(
            f"từ {to_the_second(known.strange_at)} là CSDL khác ({known.strange.get('address')}), chưa đọc tiếp; "
            "`hcc source adopt --as baseline` (CSDL mới) hoặc `--as same` (vẫn dữ liệu ấy)"
        )
    yield "vẫn là CSDL đã biết" if known.identity else "chưa hỏi lần nào"
