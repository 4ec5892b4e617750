"""The check that matters most: whether what may leave is really leaving."""

from __future__ import annotations

from collections.abc import Iterator

from operators.checks.fault import Fault
from operators.holding import held_oa
from operators.stuck import oldest_due, stuck_now
from worker.bootstrap import Services
from worker.domain.alarm import AlarmCause
from worker.domain.lane import Lane


def check_leaving(made: Services) -> Iterator[str]:
    """Notices, Zalo's events, doubts; the feeds have a check of their own."""
    stuck = [one for one in stuck_now(made) if one.cause is not AlarmCause.FEED]
    if stuck:
        raise Fault("; ".join(one.says for one in stuck))
    oldest = max(oldest_due(made).values())
    if not oldest:
        yield "không có thông báo nào đến hạn mà còn chờ"
        return
    held = held_oa(made, Lane.BULK)
    yield f"đang chờ lâu nhất {oldest:.0f} giây" + (f" (giữ bởi: {held.by})" if held else "")
