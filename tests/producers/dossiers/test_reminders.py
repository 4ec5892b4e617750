"""Reminders: by day, to those who were told, of what is still so, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.clock import VIETNAM
from domain.kinds.reminder_hours import asleep
from producers.dossiers.poll import Poller
from producers.dossiers.source import SourceError
from producers.dossiers.switches import Kinds
from tests.producers.dossiers.conftest import MORNING, World

CODE = "H27.37-240219-1001"
DAY = timedelta(days=1)


def begun(world: World, kind: str, **columns: str) -> Poller:
    """A poller that tells everything and this reminder; it is noon in Vietnam."""
    switches = Kinds.model_validate({kind: True, "supplement_required": True})
    more = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    fragment = world.mapping.columns.model_copy(update={"dossier": world.mapping.columns.dossier + more})
    world.mapping = world.mapping.model_copy(update={"kinds": switches, "columns": fragment})
    world.now = datetime.now(VIETNAM).replace(hour=12).astimezone(UTC)
    return world.started()


def sent(world: World, days: float) -> None:
    """All notices were sent, and recorded so many days ago."""
    with world.ledger.begin() as tx:
        tx.exec_driver_sql(f"UPDATE notices SET state = 'sent', recorded_at = recorded_at - interval '{days} days'")


def reminded(world: World) -> list[str]:
    """The keys of the reminders."""
    return [key for key in world.told() if "_reminder/" in key]


@pytest.mark.parametrize(("days", "count"), [(2, 0), (3.5, 1), (6, 0)])
def test_a_fee_that_is_not_paid_is_reminded_of_once_after_some_days(world: World, days: float, count: int) -> None:
    """Not before, not much later, and once."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller.round()
    sent(world, days)
    assert (poller.remind(), poller.remind()) == (count, 0)
    assert reminded(world) == [f"{CODE}/fee_reminder/{request}"] * count
    if count:
        [notice] = world.rows("SELECT facts, state FROM notices WHERE kind = 'fee_reminder'")
        assert (notice.facts, notice.state) == ({"amount": 500}, "due")


@pytest.mark.parametrize("state", ["Đã thanh toán", "Hủy thanh toán"])
def test_a_fee_that_is_settled_is_not_reminded_of_and_a_reminder_is_withdrawn(world: World, state: str) -> None:
    """Asked of the source at the last moment; and again by the poll, before the reminder has left."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    first, second = (world.dossiers.request_fee(CODE, amount, at=MORNING) for amount in (500, 700))
    poller.round()
    sent(world, 4)
    world.dossiers.change_fee(first, state, at=MORNING + DAY)  # unseen: the change time is long behind the cursor
    assert poller.remind() == 1
    now = world.now.astimezone(world.mapping.zone).replace(tzinfo=None)
    world.dossiers.change_fee(second, state, at=now)
    poller.round()
    [notice] = world.rows("SELECT event_key, state FROM notices WHERE kind = 'fee_reminder'")
    assert tuple(notice) == (f"{CODE}/fee_reminder/{second}", "suppressed")


def test_who_was_not_told_is_not_reminded(world: World) -> None:
    """A reminder of what nobody heard of would be the first message."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller.round()
    sent(world, 4)
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'unreachable'")
    assert poller.remind() == 0


def test_a_result_that_is_not_collected_is_reminded_of(world: World) -> None:
    """At 9 after five days; at 10 not."""
    poller = begun(world, "collect_reminder")
    for number in range(2):
        world.accept(f"{CODE}{number}")
        world.dossiers.finish(f"{CODE}{number}", at=MORNING)
    poller.round()
    sent(world, 6)
    world.dossiers.hand_over(f"{CODE}0", MORNING)
    assert (poller.remind(), poller.remind()) == (1, 0)
    assert reminded(world) == [f"{CODE}1/collect_reminder/1"]


@pytest.mark.parametrize(("days", "count"), [(-1, 0), (1, 1), (5, 0)])
def test_a_deadline_that_is_near_is_reminded_of(world: World, days: int, count: int) -> None:
    """Papers are still wanted, and three days or less are left."""
    poller = begun(world, "supplement_reminder", deadline_at="h.ngay_hen_tra")
    world.accept(CODE)
    there = world.now.astimezone(world.mapping.zone).replace(tzinfo=None)
    world.sql("UPDATE ho_so SET ngay_hen_tra = :at", at=there + days * DAY)
    world.dossiers.move(CODE, 5, at=MORNING)
    poller.round()
    sent(world, 20)
    assert (poller.remind(), poller.remind()) == (count, 0)
    assert reminded(world) == [f"{CODE}/supplement_reminder/1"] * count


@pytest.mark.parametrize(("hour", "count"), [(6, 0), (7, 1), (20, 1), (21, 0), (23, 0)])
def test_nobody_is_reminded_at_night(world: World, hour: int, count: int) -> None:
    """Between 7:00 and 21:00 in Vietnam, when it is recorded and when it is sent."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller.round()
    sent(world, 4)
    world.now = world.now.astimezone(VIETNAM).replace(hour=hour, minute=30).astimezone(UTC)
    assert ("fee_reminder" in asleep(world.now)) == (count == 0)
    assert poller.remind() == count


def test_many_are_asked_of_the_source_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five, two at a time."""
    monkeypatch.setattr("producers.dossiers.remind._PAGE", 2)
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    for amount in range(1, 6):
        world.dossiers.request_fee(CODE, amount, at=MORNING)
    poller.round()
    sent(world, 4)
    assert poller.remind() == 5


def test_a_source_that_is_away_delays_a_reminder_and_loses_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next ring asks again."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller.round()
    sent(world, 4)

    def away(*_: object) -> None:
        raise SourceError("không kết nối được")

    with monkeypatch.context() as patch:
        patch.setattr("producers.dossiers.source.Source.page", away)
        with pytest.raises(SourceError):
            poller.remind()
    assert poller.remind() == 1


def test_a_unit_that_does_not_remind_is_left_out(world: World) -> None:
    """The switch of the dossier's unit counts, not that of the province."""
    poller = begun(world, "fee_reminder")
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller.round()
    sent(world, 4)
    switches = {"fee_reminder": True, "units": {"H27.37": {"fee_reminder": False}}}
    world.mapping = world.mapping.model_copy(update={"kinds": Kinds.model_validate(switches)})
    assert world.poller().remind() == 0
