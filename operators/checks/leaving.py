"""The check that matters most: whether sendable notices are really leaving."""

from __future__ import annotations

from collections.abc import Iterator

from domain.alarm import AlarmCause
from domain.lane import Lane
from operators.checks.fault import CheckFault
from operators.holding import held_oa
from operators.stuck import oldest_due, stuck_now
from worker.services.bootstrap import Services


def check_leaving(made: Services) -> Iterator[str]:
    """Stuck notices, events of Zalo and doubts; the feeds have a check of their own."""
    stuck = [one for one in stuck_now(made) if one.cause is not AlarmCause.FEED]
    if stuck:
        raise CheckFault("; ".join(one.says for one in stuck))
    oldest = max(oldest_due(made).values())
    if not oldest:
        yield "không có thông báo nào đến hạn mà còn chờ"
        return
    held = held_oa(made, Lane.BULK)
    yield f"đang chờ lâu nhất {oldest:.0f} giây" + (f" (giữ bởi: {held.by})" if held else "")
