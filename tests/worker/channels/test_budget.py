"""The day's budget: reserved before anything leaves, given back where nothing was charged, never overspent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from ledger.reports import spending
from ledger.reports.spending import Spent
from worker.channels.budget import Budget, today
from worker.channels.row import Left

OA = "4024926008133882615"
DAY = date(2026, 3, 10)
BUDGET = Budget({"zns": 10}, {"zns": 1000, "sms": 700}, alarm_percent=80)


def test_what_is_left_is_the_tighter_of_what_is_set() -> None:
    """A channel without a limit has no row."""
    left = BUDGET.left({"zns": Spent(4, 1200), "zalo_cs": Spent(9, 9)})
    assert left == {"zns": Left(6, 0), "sms": Left(None, 700)}


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        (Spent(0, 0), Spent(7, 700), None),
        (Spent(7, 700), Spent(8, 700), 80),
        (Spent(8, 700), Spent(9, 900), None),
        (Spent(7, 700), Spent(7, 999), 80),
        (Spent(8, 800), Spent(8, 1000), 100),
        (Spent(10, 1000), Spent(10, 1000), None),
    ],
)
def test_the_alarm_rings_once_at_each_mark(before: Spent, after: Spent, mark: int | None) -> None:
    """At the alarm's percentage and at the end."""
    assert BUDGET.crossed("zns", before, after) == mark


def test_a_day_is_a_day_in_vietnam() -> None:
    """17:00 UTC is midnight there."""
    assert today(datetime(2026, 3, 10, 16, 59, tzinfo=UTC)) == date(2026, 3, 10)
    assert today(datetime(2026, 3, 10, 17, 0, tzinfo=UTC)) == date(2026, 3, 11)


def reserve(ledger: Engine, costs: list[int], *, messages: int | None = None, dong: int | None = None) -> int:
    """How many of the costs are reserved."""
    with ledger.begin() as tx:
        return spending.reserve(tx, OA, "zns", DAY, costs, messages=messages, dong=dong)[0]


def spent(ledger: Engine) -> Spent:
    """What stands in the ledger."""
    with ledger.connect() as connection:
        return spending.spent(connection, OA, DAY).get("zns", Spent())


def test_a_reservation_stops_at_the_limit(ledger: Engine) -> None:
    """In messages and in đồng, whichever is first."""
    assert reserve(ledger, [200] * 3, dong=1000) == 3
    assert reserve(ledger, [200] * 3, dong=1000) == 2
    assert reserve(ledger, [200], dong=1000) == 0
    assert reserve(ledger, [200] * 3, messages=7) == 2
    assert spent(ledger) == Spent(7, 1400)


def test_what_was_not_charged_is_given_back(ledger: Engine) -> None:
    """And never more than there was."""
    reserve(ledger, [200] * 3)
    with ledger.begin() as tx:
        spending.give_back(tx, OA, "zns", DAY, [200, 200])
        spending.give_back(tx, OA, "sms", DAY, [350])
    assert spent(ledger) == Spent(1, 200)
    with ledger.begin() as tx:
        spending.give_back(tx, OA, "zns", DAY, [200] * 9)
    assert spent(ledger) == Spent(0, 0)


def test_many_workers_at_once_do_not_overspend(ledger: Engine) -> None:
    """Eight workers want 400 messages of a budget of 100."""
    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(lambda _: reserve(ledger, [200] * 10, dong=20_000), range(40)))
    assert granted == 100
    assert spent(ledger) == Spent(100, 20_000)
