"""Finds work that is stuck: it has waited for longer than HCC_STUCK_SECONDS, and no known hold explains it.

This is the only place with that test: `hcc doctor`, `/readyz`, the metrics, the alarms and the heartbeat all use it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from domain.alarm import AlarmCause
from domain.lane import Lane
from domain.settling import GIVE_UP
from ledger.notices import stuck
from ledger.notices.stuck import Queue
from operators.holding import held_oa
from producers.dossiers.queries import FEEDS
from worker.delivery.deliver import bounds
from worker.services.bootstrap import Services

_LOOKS = 3  # a notice that has just received its permit is not stuck
_PAUSE = 0.7  # seconds between looks: longer than a bell takes to be heard
_POLLS = 3  # polls that a feed may miss; matters if it is polled seldom


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something stuck, and for how long (seconds); `what` names the lane or the feed."""

    cause: AlarmCause
    oa: str
    seconds: float
    what: str = ""

    @property
    def says(self) -> str:
        """A sentence for operators, with the remedy."""
        return _SAYS[self.cause].format(what=self.what, minutes=f"{self.seconds / 60:.0f}")

    @property
    def line(self) -> str:
        """A line for the log and for `/readyz`."""
        return f"stuck {self.cause} {self.what} oa={self.oa} seconds={self.seconds:.0f}".replace("  ", " ")


_SAYS: Mapping[AlarmCause, str] = {
    AlarmCause.DUE: "thông báo (làn {what}) đến hạn đã {minutes} phút mà không đi, không có gì giữ; "
    "worker và beat có đang chạy không? xem nhật ký của chúng, rồi khởi động lại",
    AlarmCause.SOURCE: "thông báo (làn {what}) chờ đối chiếu với CSDL hồ sơ đã {minutes} phút dù CSDL vẫn đọc được; "
    "xem nhật ký worker (reread), rồi khởi động lại",
    AlarmCause.EVENTS: "sự kiện của Zalo chờ xử lý đã {minutes} phút; worker và beat có đang chạy không?",
    AlarmCause.FEED: "luồng {what} đã {minutes} phút chưa đọc được đến cuối; "
    "xem worker, beat và CSDL hồ sơ có chạy, có chậm không",
    AlarmCause.DOUBTS: "có thông báo đã {minutes} phút chưa rõ đến hay chưa; xem `hcc uncertain list`, "
    "kết luận bằng `hcc uncertain settle`",
}


def stuck_now(services: Services) -> list[Stuck]:
    """Everything that is stuck in an OA: found in three looks, 0.7 s apart. Raises `DBAPIError`."""
    found = _look(services)
    for _ in range(_LOOKS - 1):
        if not found:
            break
        time.sleep(_PAUSE)
        again = {(one.cause, one.what) for one in _look(services)}
        found = [one for one in found if (one.cause, one.what) in again]
    return found


def oldest_due(services: Services) -> dict[Lane, float]:
    """By lane, for how many seconds the oldest sendable notice has been due; 0 if there is none."""
    with services.ledger.connect() as connection:
        found = {queue.lane: queue.seconds for queue in _queues(connection, services)}
    return {lane: found.get(lane, 0.0) for lane in Lane}


def _look(services: Services) -> list[Stuck]:
    most = services.settings.stuck_seconds
    with services.ledger.connect() as connection:
        queues = _queues(connection, services)
        event = stuck.oldest_event(connection, services.oa)
        feeds = stuck.unread_feeds(connection, services.oa, FEEDS)
        late, doubted = stuck.oldest_doubt(connection, services.oa)
    slow = {feed: seconds for feed, seconds in feeds.items() if seconds > feed_patience(services)}
    found = [*_lanes(services, queues, is_read=not slow)]
    if event > most:
        found.append(Stuck(AlarmCause.EVENTS, services.oa, event))
    found += [Stuck(AlarmCause.FEED, services.oa, seconds, feed) for feed, seconds in slow.items()]
    if late > most or doubted > max(GIVE_UP, most):
        found.append(Stuck(AlarmCause.DOUBTS, services.oa, max(late, doubted)))
    return found


def feed_patience(services: Services) -> float:
    """Seconds without being read to its end after which a feed is stuck."""
    return max(services.settings.stuck_seconds, _POLLS * services.settings.poll_seconds)


def _queues(connection: Connection, services: Services) -> list[Queue]:
    return stuck.queues(connection, services.oa, bounds(services), near=services.settings.stuck_seconds)


def _lanes(services: Services, queues: Sequence[Queue], *, is_read: bool) -> Iterator[Stuck]:
    most = services.settings.stuck_seconds
    for queue in queues:
        claimed_in = queue.lane if queue.lane is Lane.INTERACTIVE else Lane.BULK  # late notices go in bulk
        if (queue.sure_seconds or 0.0) > most:
            if not queue.flows and held_oa(services, claimed_in) is None:
                yield Stuck(AlarmCause.DUE, services.oa, queue.sure_seconds or 0.0, queue.lane.name.lower())
        elif queue.seconds > most + services.settings.recheck_seconds and is_read:
            yield Stuck(AlarmCause.SOURCE, services.oa, queue.seconds, queue.lane.name.lower())
