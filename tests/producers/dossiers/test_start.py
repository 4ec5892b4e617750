"""The first start (R14) and HCC_START_FROM."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from producers.dossiers import start
from tests.producers.dossiers.conftest import MORNING, PHONE, World

OLD = [f"H27.37-240219-{number:04}" for number in range(12)]
NEW = "H27.37-240220-1001"


@pytest.fixture
def past(world: World) -> World:
    """A dossier database with a past: twelve dossiers, some finished, some asked to pay."""
    for number, code in enumerate(OLD):
        world.accept(code, at=MORNING + timedelta(minutes=number))
        if number % 2:
            world.dossiers.request_fee(code, 1000, at=MORNING + timedelta(minutes=number, seconds=30))
        if number % 3 == 0:
            world.dossiers.finish(code, at=MORNING + timedelta(days=1))
    return world


def test_the_past_is_remembered_and_nobody_is_told(past: World) -> None:
    """R14: 12 acceptances, 6 fees, 4 results are baseline; then news is news."""
    poller = past.poller()
    assert (poller.round().baseline, past.told(), past.rung) == (12 + 6 + 4, [], 0)
    past.accept(NEW)
    past.dossiers.move(OLD[1], 4, at=MORNING + timedelta(days=2))  # told again by a later row, and known
    past.dossiers.finish(OLD[1], at=MORNING + timedelta(days=3))
    poller.round()
    assert sorted(past.told()) == [f"{OLD[1]}/result_ready/1", f"{NEW}/accepted/1"]


def test_a_baseline_in_small_pages_is_the_same(past: World) -> None:
    """Pages of two, one page a round: it takes its time, and keeps its place."""
    poller, remembered, rounds = past.poller(baseline_page=2, page=2), 0, 0
    while (tally := poller.round(0)).more:
        remembered += tally.baseline
        rounds += 1
    assert remembered + tally.baseline == 12 + 6 + 4
    assert rounds > 6
    assert past.told() == []


def test_a_crash_in_the_middle_of_a_baseline_is_harmless(past: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No feed has a cursor before the end, so the next process goes on, and nobody is told."""
    record, calls = start.record, 0

    def crash(*args: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return record(*args)

    with monkeypatch.context() as patch:
        patch.setattr(start, "record", crash)
        with pytest.raises(KeyboardInterrupt):
            past.poller(baseline_page=2).round()
    assert [row.feed for row in past.rows("SELECT feed FROM cursors")] == ["baseline"]
    past.poller(baseline_page=2).round()
    submitted = 12  # switched off, so remembered when the history is read
    assert [row.n for row in past.rows("SELECT count(*) AS n FROM baseline")] == [12 + 6 + 4 + submitted]
    assert past.told() == []
    assert sorted(row.feed for row in past.rows("SELECT feed FROM cursors")) == [
        "history",
        "payment_changes",
        "payments",
        "snapshot",
    ]


def test_two_processes_at_the_first_start_do_no_harm(past: World) -> None:
    """One of them begins, the others are outrun; the past is told to nobody."""
    pollers, gate = [past.poller(baseline_page=3) for _ in range(4)], threading.Barrier(4)

    def run(poller: Any) -> None:
        gate.wait()
        poller.round()

    threads = [threading.Thread(target=run, args=(poller,)) for poller in pollers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    past.poller().round()
    past.accept(NEW)
    past.poller().round()
    assert past.told() == [f"{NEW}/accepted/1"]


def test_a_row_that_was_being_written_at_the_first_start_is_news(past: World) -> None:
    """Its id is below the newest one that the baseline saw, and it is found all the same."""
    poller = past.poller()
    past.dossiers.file(NEW, phone=PHONE, at=MORNING)
    past.sql("SELECT nextval('qua_trinh_xu_ly_id_seq')")
    past.dossiers.file("H27.37-240220-1002", phone=PHONE, at=MORNING)
    poller.round()
    past.sql("UPDATE ho_so SET trang_thai = 2, ngay_tiep_nhan = :at WHERE ma_ho_so = :code", at=MORNING, code=NEW)
    past.sql(
        """INSERT INTO qua_trinh_xu_ly (id, ma_ho_so, trang_thai, thoi_gian)
           SELECT max(id) - 1, :code, 2, :at FROM qua_trinh_xu_ly""",
        code=NEW,
        at=MORNING,
    )
    poller.round()
    assert past.told() == [f"{NEW}/accepted/1"]


def test_from_the_beginning_everything_is_told_and_fresh(past: World) -> None:
    """No baseline; an event of 2024 is not taken for stale, since nobody could have told it before."""
    assert past.poller(start_from="beginning", page=5).round().recorded == 12 + 6 + 4
    assert {row.fresh_at for row in past.rows("SELECT fresh_at FROM notices")} == {past.now}
    assert len(past.rows("SELECT FROM baseline")) == 12  # that they were submitted, which is switched off


def test_from_a_moment_on_what_the_rules_date_later_is_told(past: World) -> None:
    """From 09:15 on: 6 acceptances, 3 fees, and 4 results of the next day; 6 + 3 are past."""
    moment = datetime(2024, 2, 19, 2, 15, tzinfo=UTC)
    tally = past.poller(start_from=moment).round()
    told = past.rows("SELECT event_at, fresh_at, kind FROM notices")
    assert tally.baseline == 6 + 3
    assert Counter(row.kind for row in told) == {"accepted": 6, "fee_requested": 3, "result_ready": 4}
    assert min(row.event_at for row in told) == moment
    assert {row.fresh_at for row in told} == {past.now}
    assert past.rung > 0
    assert past.poller(start_from=moment).round().recorded == 0


def test_feeds_that_come_later_start_behind_the_others(past: World) -> None:
    """A feed that a new release brings has its own first start, and what the others still had to tell is told."""
    poller = past.started()
    past.accept(NEW)
    with past.ledger.begin() as tx:
        tx.exec_driver_sql("DELETE FROM cursors WHERE feed = 'payment_changes'")
    poller.round()
    assert past.told() == [f"{NEW}/accepted/1"]
    assert len(past.rows("SELECT FROM cursors")) == 4
