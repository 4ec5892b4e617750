"""Checks of what is kept back, what is switched off, and whether the dossier database is the one that we know."""

from __future__ import annotations

from collections.abc import Iterator

from operators.checks.fault import Fault
from worker.bootstrap import Services
from worker.domain.clock import to_the_second
from worker.domain.guard import MANY, OLD
from worker.ledger import guard, reports, sources, switches
from worker.ledger.switches import EVERY_OA


def check_quarantine(made: Services) -> Iterator[str]:
    """What is kept back goes nowhere before a person has looked."""
    with made.ledger.connect() as connection:
        kept = reports.live_counts(connection, made.oa)["quarantined"]
        lately = guard.lately(connection, made.oa)
    if kept:
        because = f"24 giờ qua: {lately.get(OLD, 0)} vì quá cũ, {lately.get(MANY, 0)} vì quá nhiều"
        raise Fault(
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
    """What an operator stopped is no fault, but nobody should wonder why nothing goes."""
    with made.ledger.connect() as connection:
        off = [one for one in switches.listed(connection) if one.oa in (EVERY_OA, made.oa)]
        waiting = {one.id: switches.held(connection, one.id) for one in off}
    for one in off:
        until = f"đến {to_the_second(one.until)}" if one.until else "chưa hẹn lúc cho gửi lại"
        yield f"{one.by} đã dừng {one.told} từ {to_the_second(one.since)}, {until}: {waiting[one.id]} đang chờ"
    if not off:
        yield "không dừng gì"


def check_identity(made: Services) -> Iterator[str]:
    """Another database than yesterday's is not read on before somebody has said what it is."""
    with made.ledger.connect() as connection:
        known = sources.read(connection, made.oa)
    if known.strange is not None and known.strange_at is not None:
        raise Fault(
            f"từ {to_the_second(known.strange_at)} là CSDL khác ({known.strange.get('address')}), chưa đọc tiếp; "
            "`hcc source adopt --as baseline` (CSDL mới) hoặc `--as same` (vẫn dữ liệu ấy)"
        )
    yield "vẫn là CSDL đã biết" if known.identity else "chưa hỏi lần nào"
