"""Rounds: nothing is lost between pages, polls and crashes, and nothing is recorded twice (R10)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from producers.dossiers import follow
from producers.dossiers.context import Round
from tests.producers.dossiers.conftest import MORNING, PHONE, World

CODE = "H27.37-240219-1001"


def code(number: int) -> str:
    """The code of dossier `number`."""
    return f"H27.37-240219-{number:04}"


def test_the_same_rows_are_recorded_once_and_the_bell_rings_for_news_only(world: World) -> None:
    """R10: replaying the whole source gives no second notice."""
    poller = world.started()
    world.accept(CODE)
    assert (poller.round().recorded, world.rung) == (1, 1)
    world.sql("UPDATE yeu_cau_thanh_toan SET cap_nhat_luc = cap_nhat_luc")
    with world.ledger.begin() as tx:
        tx.execute(text("""UPDATE cursors SET position = '{"after": 0, "missing": {}}' WHERE feed = 'history'"""))
    again = poller.round()
    assert (again.read, again.recorded, world.rung) == (2 + 1, 0, 1)  # two rows of the history, one of the snapshot


def test_what_is_committed_between_two_feeds_is_told_in_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dossier is accepted, and its fee asked for, while a round reads: it sees both, or neither."""
    poller = world.started()
    source = world.sources[-1]
    ask, fees = source.ask, list[int]()

    def meanwhile(connection: Connection, name: str, parameters: Mapping[str, Any]) -> object:
        rows = ask(connection, name, parameters)
        if name == "history" and not fees:
            world.accept(CODE)
            fees.append(world.dossiers.request_fee(CODE, 500, at=MORNING + timedelta(seconds=1)))
        return rows

    monkeypatch.setattr(source, "ask", meanwhile)
    poller.round()
    assert world.told() == []
    poller.round()
    states = {row.kind: row.state for row in world.rows("SELECT kind, state FROM notices")}
    assert states == {"accepted": "due", "fee_requested": "waiting"}


def test_a_row_that_commits_late_is_found(world: World) -> None:
    """Id 3 is taken first and committed last; the poll in between has read beyond it. No other feed helps."""
    world.without("snapshot")
    poller = world.started()
    world.dossiers.file(code(1), phone=PHONE, at=MORNING)
    world.sql("UPDATE ho_so SET trang_thai = 2, ngay_tiep_nhan = :at", at=MORNING)
    insert = text("INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, 2, :at)")
    with world.dossiers.engine.connect() as slow, slow.begin() as open_transaction:
        slow.execute(insert, {"code": code(1), "at": MORNING})
        world.accept(code(2))
        poller.round()
        assert world.told() == [f"{code(2)}/accepted/1"]
        open_transaction.commit()
    poller.round()
    assert sorted(world.told()) == [f"{code(1)}/accepted/1", f"{code(2)}/accepted/1"]
    assert world.rows("SELECT position FROM cursors WHERE feed = 'history'")[0].position["missing"] == {}


def test_a_gap_that_never_fills_is_given_up_with_a_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A rolled back insert leaves a hole; it is asked for until the mapping's time is over."""
    poller = world.started()
    world.sql("SELECT nextval('qua_trinh_xu_ly_id_seq')")
    world.accept(CODE)
    assert poller.round().given_up == 0
    world.now += timedelta(seconds=world.mapping.limits.gap_seconds - 1)
    assert poller.round().given_up == 0
    world.now += timedelta(seconds=1)
    assert poller.round().given_up == 1
    assert "missing ids given up feed=history count=1" in caplog.text


def test_two_polls_at_once_record_once(world: World) -> None:
    """R10: four pollers on the same rows: every event once, and the slower ones return as usual."""
    world.started()
    for number in range(60):
        world.accept(code(number))
    pollers, rounds, gate = [world.poller(page=10) for _ in range(4)], list[Round](), threading.Barrier(4)

    def run(poller: Any) -> None:
        gate.wait()
        rounds.append(poller.round())

    threads = [threading.Thread(target=run, args=(poller,)) for poller in pollers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rounds) == 4
    while world.poller().round().recorded:  # whoever was outrun left the rest to the next round
        pass
    assert sorted(world.told()) == [f"{code(number)}/accepted/1" for number in range(60)]
    assert len(world.rows("SELECT FROM history")) == 60


def test_a_poll_that_is_outrun_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another poll commits between our reading and our writing: we return as usual and ring for nobody."""
    poller, faster = world.started(), world.poller()
    world.accept(CODE)
    keep = follow.Follow._keep

    def overtaken(self: follow.Follow, *args: Any) -> Any:
        monkeypatch.setattr(follow.Follow, "_keep", keep)
        faster.round()
        return keep(self, *args)

    monkeypatch.setattr(follow.Follow, "_keep", overtaken)
    tally = poller.round()
    assert (tally.outrun, tally.recorded, world.rung) == (True, 0, 1)
    assert world.told() == [f"{CODE}/accepted/1"]


def test_a_crash_between_reading_and_committing_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursor and notices move together: what was not recorded is read again."""
    poller = world.started()
    world.accept(CODE)

    def crash(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(follow, "retract", crash)
        with pytest.raises(KeyboardInterrupt):
            poller.round()
    assert (world.told(), world.rung) == ([], 0)
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1"]


def test_a_round_reads_page_after_page_until_one_is_not_full(world: World) -> None:
    """Seven dossiers, fourteen rows, pages of three: all of them in one round."""
    poller = world.started(page=3)
    for number in range(7):
        world.accept(code(number))
    tally = poller.round()
    assert (tally.recorded, tally.more) == (7, False)


def test_a_fee_waits_for_the_acceptance_that_stands_in_a_later_page(world: World) -> None:
    """R11: each feed has its own pages, and the history is longer; whatever is told of a dossier stands in order."""
    world.without("snapshot")
    poller = world.started(page=5)
    for number in range(5):
        world.accept(code(number))
        world.dossiers.request_fee(code(number), 500, at=MORNING + timedelta(minutes=7))
    poller.round()
    assert len(world.told()) == 10
    due = world.rows("SELECT kind, count(*) AS number FROM notices WHERE state = 'due' GROUP BY kind")
    assert [tuple(row) for row in due] == [("accepted", 5)]


def test_a_round_whose_time_is_up_says_that_there_is_more(world: World) -> None:
    """A flood does not hold the task: the next round goes on where this one stopped."""
    poller = world.started(page=3)
    for number in range(4):
        world.accept(code(number))
    assert poller.round(0).more
    while poller.round(0).more:
        pass
    assert len(world.told()) == 4


def test_many_payments_changed_at_the_same_moment_are_all_found(world: World) -> None:
    """A bulk update: thirty rows of one change time, pages of four, one page a round."""
    poller = world.poller(page=4)
    world.accept(CODE)
    requests = [world.dossiers.request_fee(CODE, 500, at=MORNING, state="Chưa thanh toán") for _ in range(30)]
    poller.round()
    world.sql(
        "UPDATE yeu_cau_thanh_toan SET trang_thai = 'Chờ thanh toán', cap_nhat_luc = :at",
        at=MORNING + timedelta(days=1),
    )
    while poller.round(0).more:
        pass
    assert sorted(world.told()) == sorted(f"{CODE}/fee_requested/{request}" for request in requests)


def test_a_bell_that_fails_is_harmless(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The notice is recorded; the sweep finds it without a bell."""

    def broken() -> None:
        raise OSError(PHONE)

    poller = world.poller(ring=broken)
    poller.round()
    world.accept(CODE)
    assert poller.round().recorded == 1
    assert "bell not rung error=OSError" in caplog.text
    assert PHONE not in caplog.text


def test_a_poison_dossier_is_set_aside_and_the_page_goes_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Counted, told with the row's id and column, and the dossiers around it are told about; mended, it is too."""
    poller = world.started()
    for number in (1, 2, 3):
        world.accept(code(number))
    world.sql("UPDATE ho_so SET trang_thai = 77 WHERE ma_ho_so = :code", code=code(2))
    tally = poller.round()
    assert (tally.set_aside, tally.recorded) == (3, 2)  # both history rows of dossier 2, and the dossier itself
    assert sorted(world.told()) == [f"{code(1)}/accepted/1", f"{code(3)}/accepted/1"]
    assert "row set aside feed=history row=3 why=" in caplog.text
    world.sql(
        "UPDATE ho_so SET trang_thai = 2, ngay_tiep_nhan = :at, ngay_hen_tra = :at WHERE ma_ho_so = :code",
        code=code(2),
        at=MORNING,
    )
    assert poller.round().recorded == 1


@pytest.mark.parametrize(
    "poison",
    [
        "UPDATE qua_trinh_xu_ly SET thoi_gian = 'infinity' WHERE ma_ho_so = :code",
        "UPDATE qua_trinh_xu_ly SET trang_thai = 77 WHERE ma_ho_so = :code",
    ],
)
def test_a_poison_row_of_the_history_is_set_aside_and_the_snapshot_tells_the_event(
    world: World, caplog: pytest.LogCaptureFixture, poison: str
) -> None:
    """What one feed cannot read another one sees; nothing around it is lost."""
    poller = world.started()
    for number in (1, 2, 3):
        world.accept(code(number))
    world.sql(poison, code=code(2))
    tally = poller.round()
    assert (tally.set_aside, tally.recorded) == (2, 3)
    assert "row set aside feed=history row=3 why=" in caplog.text


def test_a_payment_from_the_future_hides_no_later_change(world: World) -> None:
    """One row says it changes in 9998; the changes of today are found all the same."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=datetime(9998, 1, 1), state="Chưa thanh toán")  # noqa: DTZ001 (naive, as in the source)
    request = world.dossiers.request_fee(CODE, 500, at=MORNING, state="Chưa thanh toán")
    poller.round()
    changed = world.now.astimezone(world.mapping.zone).replace(tzinfo=None)
    world.dossiers.change_fee(request, "Chờ thanh toán", at=changed)
    poller.round()
    assert f"{CODE}/fee_requested/{request}" in world.told()


def test_logs_hold_no_personal_data(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Everything that can go wrong with a row, at the most talkative level: no phone, no name, no code."""
    caplog.set_level(logging.DEBUG, logger="hcc")
    poller = world.started()
    world.accept(CODE)
    world.accept(code(2), phone="không đúng 55555")
    world.dossiers.request_fee(CODE, 0, at=MORNING)
    world.sql("UPDATE ho_so SET loai_ket_qua = 'Nguyễn Anh Tuấn', trang_thai = 9 WHERE ma_ho_so = :code", code=code(2))
    world.sql("UPDATE yeu_cau_thanh_toan SET hinh_thuc_thu = '036097017416'")
    world.sql("UPDATE qua_trinh_xu_ly SET thoi_gian = 'infinity' WHERE ma_ho_so = :code", code=code(2))
    poller.round()
    assert "row set aside" in caplog.text
    assert "odd row" in caplog.text
    for personal in (PHONE, "978362918", "55555", "Nguyễn", "Mẫu", "036097017416", CODE):
        assert personal not in caplog.text
