"""The snapshot feed, and a history that runs ahead of its dossiers: an event is seen whichever signal is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from producers.dossiers import follow
from tests.producers.dossiers.conftest import MORNING, PHONE, World

CODE = "H27.37-240219-1001"
MINUTE = timedelta(minutes=1)


def code(number: int) -> str:
    """The code of dossier `number`."""
    return f"H27.37-240219-{number:04}"


def close_in_bulk(world: World, number: int = 1) -> None:
    """The bulk-close command: status and change time by raw SQL, and no history row."""
    world.sql(
        """UPDATE ho_so SET trang_thai = 9, trang_thai_tra_kq = 2, ngay_ket_thuc_xu_ly = :at, cap_nhat_luc = :at
           WHERE ma_ho_so = :code""",
        at=MORNING + number * MINUTE,
        code=CODE,
    )


def test_a_history_row_that_comes_before_its_dossiers_new_state_is_not_missed(world: World) -> None:
    """The row says 2 while the dossier still says 1; it is read again until they agree, by no other feed's help."""
    world.without("snapshot")
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.sql("INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, 2, :at)",
              code=CODE, at=MORNING)  # fmt: skip
    poller.round()
    assert world.told() == []
    world.sql("UPDATE ho_so SET trang_thai = 2, ngay_tiep_nhan = :at", at=MORNING)
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1"]
    assert world.rows("SELECT position FROM cursors WHERE feed = 'history'")[0].position["unsettled"] == {}


def test_a_row_that_its_dossier_never_follows_is_let_go(world: World) -> None:
    """A dossier that went on since is no gap: after a minute the row costs nothing any more."""
    world.without("snapshot")
    poller = world.started()
    world.accept(CODE)
    world.sql("UPDATE ho_so SET trang_thai = 4")
    assert poller.round().read == 2
    assert poller.round().read == 1
    world.now += timedelta(seconds=world.mapping.limits.settle_seconds)
    poller.round()
    assert poller.round().read == 0


def test_a_status_that_changes_without_a_history_row_is_told(world: World) -> None:
    """The bulk-close command writes no history."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    close_in_bulk(world)
    poller.round()
    assert world.kinds() == ["accepted", "result_ready"]


def test_all_feeds_see_one_event_once(world: World) -> None:
    """History, snapshot and reconcile each see the same result."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.finish(CODE, at=MORNING + MINUTE)
    poller.round()
    poller.reconcile(whole=True)
    poller.round()
    assert world.kinds() == ["accepted", "result_ready"]
    assert len(world.rows("SELECT FROM notices")) == 2


def test_a_source_without_a_history_is_told_by_its_snapshot(world: World) -> None:
    """A whole life by change times alone; 2 was never seen, and the order of events is kept."""
    world.without("history")
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.sql("UPDATE ho_so SET ngay_tiep_nhan = :at", at=MORNING)
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["accepted"]
    fee = world.dossiers.request_fee(CODE, 500, at=MORNING + 2 * MINUTE)
    world.dossiers.finish(CODE, at=MORNING + 3 * MINUTE)
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1", f"{CODE}/fee_requested/{fee}", f"{CODE}/result_ready/1"]


def test_a_row_that_is_touched_without_a_change_asks_no_rule(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nightly job: every change time is new, nothing else; rows are read, compared, and that is all."""
    poller = world.started()
    for number in range(20):
        world.accept(code(number))
    poller.round()
    asked = list[int]()
    real = follow.fingerprints_of
    monkeypatch.setattr(
        follow, "fingerprints_of", lambda look, rows, found: (asked.append(len(rows)), real(look, rows, found))[1]
    )
    world.sql("UPDATE ho_so SET cap_nhat_luc = :at", at=MORNING + MINUTE)
    tally = poller.round()
    assert (tally.read, tally.recorded, sum(asked)) == (20, 0, 0)


def test_a_million_rows_of_one_moment_do_not_hold_the_feed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """More rows of one change time than we read at once: said, jumped over, found by the reconcile; news goes on."""
    poller = world.started(page=1)
    for number in range(25):
        world.accept(code(number))
    while poller.round().recorded:
        pass
    close = "UPDATE ho_so SET trang_thai = 9, trang_thai_tra_kq = 2, cap_nhat_luc = :at"
    world.sql(close, at=MORNING + MINUTE)
    poller.round()
    assert "left to the reconcile feed=snapshot" in caplog.text
    poller.reconcile(whole=True)
    assert world.kinds().count("result_ready") == 25


def test_a_change_that_commits_late_with_an_old_time_is_found(world: World) -> None:
    """The transaction took its time before a poll and committed after it."""
    world.without("history")
    poller = world.started()
    world.accept(code(1), at=MORNING)
    world.accept(code(2), at=MORNING + timedelta(seconds=20))
    poller.round()
    world.accept(code(3), at=MORNING + timedelta(seconds=10))
    poller.round()
    assert len(world.told()) == 3


def test_a_feed_in_flood_does_not_keep_the_others_from_being_heard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the snapshot reads page after page, a fee is recorded within a second."""
    monkeypatch.setattr(follow, "_DEAF_SECONDS", 0.0)
    poller = world.started(page=1)
    for number in range(5):
        world.accept(code(number), at=MORNING + number * MINUTE)
    while poller.round().recorded:
        pass
    world.sql("UPDATE ho_so SET cap_nhat_luc = cap_nhat_luc + interval '1 day'")
    ask, fees = world.sources[-1].ask, list[int]()

    def flooded(connection: Connection, name: str, parameters: Mapping[str, Any]) -> object:
        if name == "snapshot" and not fees:
            fees.append(world.dossiers.request_fee(code(0), 500, at=MORNING))
        return ask(connection, name, parameters)

    monkeypatch.setattr(world.sources[-1], "ask", flooded)
    tally = poller.round(0.5)
    assert world.told().count(f"{code(0)}/fee_requested/{fees[0]}") == 1
    assert tally.outrun is False


def test_no_phone_is_kept_in_a_sighting(world: World) -> None:
    """Another number changes no digest: nothing about the person goes into it."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    before = world.rows("SELECT digest FROM sightings")
    world.sql("UPDATE ho_so SET so_dien_thoai_nguoi_nop = '0912345678', cap_nhat_luc = :at", at=MORNING + MINUTE)
    poller.round()
    assert world.rows("SELECT digest FROM sightings") == before
