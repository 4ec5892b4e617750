"""The schedule of retries: wakes on time, tells operators what waits, and may be lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from redis import Redis

from coordination.connection import QueueDown
from coordination.schedule import Retry, Schedule


@pytest.fixture
def schedule(store: Redis) -> Schedule:
    """An empty one."""
    return Schedule(store)


def retry(number: int, seconds: float = 60, *, reason: str | None = "HTTP 503") -> Retry:
    """A notice to be tried again in so many seconds."""
    now = datetime.now(UTC)
    due, fresh = now + timedelta(seconds=seconds), now - timedelta(hours=1)
    return Retry(number, due, fresh, f"H01.{number}/accepted/1", "accepted", reason, -32, 3)


def test_a_page_tells_all_that_was_put_in_by_time(schedule: Schedule) -> None:
    """What, when, why and how often, from Redis alone."""
    entries = [retry(3, 30), retry(1, 10, reason="chờ lượt gửi"), retry(2, 20, reason=None)]
    schedule.put("oa", entries)
    assert schedule.page("oa", 0, 10) == sorted(entries, key=lambda entry: entry.due_at)
    assert [entry.id for entry in schedule.page("oa", 1, 1)] == [2]
    assert schedule.page("oa", 3, 10) == schedule.page("oa", 0, 0) == []
    assert schedule.count("oa") == 3


def test_what_is_past_is_not_told(schedule: Schedule) -> None:
    """Its try may be over by now, and only the ledger knows how it ended."""
    schedule.put("oa", [retry(1, -5), retry(2, 60), retry(3, -1), retry(4, 120)])
    assert [entry.id for entry in schedule.page("oa", 0, 10)] == [2, 4]
    assert [entry.id for entry in schedule.page("oa", 1, 10)] == [4]
    assert schedule.count_ahead("oa") == 2
    assert schedule.sizes(["oa", "other"]) == {"oa": 4}
    assert schedule.sizes([]) == {}


def test_what_is_due_goes_to_one_caller_oldest_first(schedule: Schedule) -> None:
    """And what is not due stays."""
    schedule.put("oa", [retry(1, -1), retry(2, -3), retry(3, -2), retry(4, 60)])
    assert schedule.due("oa", 2) == [2, 3]
    assert schedule.due("oa", 10) == [1]
    assert schedule.due("oa", 10) == []
    assert [entry.id for entry in schedule.page("oa", 0, 10)] == [4]


def test_a_notice_put_in_again_moves_to_its_new_time(schedule: Schedule) -> None:
    """It stands in the schedule once."""
    schedule.put("oa", [retry(1, 60)])
    later = retry(1, 3600, reason="quota")
    schedule.put("oa", [later])
    assert schedule.page("oa", 0, 10) == [later]


def test_a_removed_notice_is_gone_and_an_unknown_one_does_no_harm(schedule: Schedule, store: Redis) -> None:
    """Nothing of it stays in memory."""
    schedule.put("oa", [retry(1)])
    schedule.remove("oa", [1, 2])
    schedule.remove("oa", [])
    assert schedule.count("oa") == 0
    assert list(store.scan_iter("hcc:*")) == []


def test_each_oa_has_its_own(schedule: Schedule) -> None:
    """One that waits does not wake another."""
    schedule.put("one", [retry(1, -1)])
    assert schedule.due("two", 10) == []
    assert schedule.count("one") == 1


def test_a_flushed_schedule_is_missing_until_it_is_made_anew(schedule: Schedule, store: Redis) -> None:
    """An entry that came after the flush does not hide that the others are gone."""
    assert schedule.missing(["oa"])
    schedule.replace("oa", [])
    assert not schedule.missing(["oa"])
    store.flushall()
    schedule.put("oa", [retry(7)])
    assert schedule.missing(["oa"])
    schedule.replace("oa", (retry(number, 60 + number) for number in range(1, 2502)))
    assert not schedule.missing(["oa"])
    assert schedule.count("oa") == 2501
    assert [entry.id for entry in schedule.page("oa", 2499, 10)] == [2500, 2501]


def test_it_is_made_anew_once_an_hour(schedule: Schedule, store: Redis) -> None:
    """Small differences to the ledger do not grow old."""
    schedule.replace("oa", [retry(1)])
    assert 3000 < store.ttl("hcc:retries:oa:built") <= 3600


def test_a_schedule_half_made_is_still_missing(schedule: Schedule) -> None:
    """The ledger went away in the middle."""

    def broken() -> Retry:
        raise ConnectionError("the ledger is away")

    with pytest.raises(ConnectionError):
        schedule.replace("oa", chain([retry(1)], (broken() for _ in range(1))))
    assert schedule.missing(["oa"])


def test_it_says_so_where_redis_is_away(nowhere: Redis) -> None:
    """The ledger goes on without it."""
    with pytest.raises(QueueDown, match="count retries"):
        Schedule(nowhere).count("oa")
