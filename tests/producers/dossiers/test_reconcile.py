"""The reconcile: what no other feed can see is found, once, in the background."""

from __future__ import annotations

import itertools
from datetime import timedelta
from types import SimpleNamespace

import pytest

from producers.dossiers import reconcile
from producers.dossiers.context import Round
from tests.producers.dossiers.conftest import MORNING, World

CODE = "H27.37-240219-1001"
SILENT_RESULT = "UPDATE ho_so SET trang_thai = :status, trang_thai_tra_kq = 2 WHERE ma_ho_so = :code"


def code(number: int) -> str:
    """The code of dossier `number`."""
    return f"H27.37-240219-{number:04}"


@pytest.mark.parametrize("status", [9, 10])
def test_a_status_changed_by_raw_sql_is_found(world: World, status: int) -> None:
    """No history row, no change time; with 10 the dossier is not even among the open ones any more."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    world.now += timedelta(hours=1)  # so that no feed looks back to the acceptance any more
    poller.round()
    world.sql(SILENT_RESULT, status=status, code=CODE)
    poller.round()
    assert world.kinds() == ["accepted"]
    poller.reconcile(whole=True)
    assert world.kinds() == ["accepted", "result_ready"]
    assert poller.reconcile(whole=True).recorded == 0


def test_a_dossier_that_no_feed_ever_saw_is_found(world: World) -> None:
    """An import with an old change time and no history."""
    poller = world.started()
    world.accept(code(1))
    poller.round()
    world.now += timedelta(hours=1)
    poller.round()
    _import(world, code(2))
    poller.round()
    assert len(world.told()) == 1
    poller.reconcile(whole=True)
    assert len(world.told()) == 2


def test_what_the_feeds_are_about_to_tell_is_theirs(world: World) -> None:
    """A pass that is faster than the feeds knows a result, and not the fee before it: both are told, in order (R11)."""
    poller = world.started(page=2)
    for number in range(1, 6):
        world.accept(code(number))
        world.dossiers.request_fee(code(number), 500, at=MORNING)
        world.dossiers.finish(code(number), at=MORNING + timedelta(hours=1))
    poller.reconcile(0)
    told = world.rows(
        "SELECT code, string_agg(kind, ' ' ORDER BY event_at, rank, id) AS kinds FROM notices GROUP BY code"
    )
    assert {row.kinds for row in told} == {"accepted fee_requested result_ready"}
    assert len(told) == 5


def test_a_pass_that_cannot_wait_for_the_feeds_tells_nothing_for_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a flood the rounds have work for many seconds; what is really traceless is found after it."""
    poller = world.started(page=2)
    monkeypatch.setattr("producers.dossiers.poll._CATCH_UP_SECONDS", -1.0)
    for number in range(1, 6):
        world.accept(code(number))
    assert poller.reconcile(0).outrun
    assert world.told() == []
    poller.round()
    assert len(world.told()) == 5


def test_dossiers_written_while_a_page_is_read_hide_none_at_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come before the others by their codes: the page read again would end earlier, with its last rows untold."""
    poller = world.started(page=2)
    world.accept(code(9))
    poller.round()
    world.now += timedelta(hours=1)  # so that no feed looks back any more
    poller.round()
    for number in (5, 6):
        _import(world, code(number))
    caught_up, earlier = poller._catch_up, iter(range(5))

    def meanwhile(tally: Round, *, whole: bool) -> bool:
        for number in itertools.islice(earlier, 1):
            _import(world, code(number))
        return caught_up(tally, whole=whole)

    with monkeypatch.context() as patch:
        patch.setattr(poller._reconcile, "_catch_up", meanwhile)
        poller.reconcile(whole=True)
    poller.reconcile(whole=True)
    told = [row.code for row in world.rows("SELECT code FROM notices ORDER BY code")]
    assert told == [code(number) for number in sorted({*range(7), 9} - {*earlier})]
    assert {code(5), code(6)} < {*told}


def _import(world: World, code: str) -> None:
    """A dossier that no feed sees: an old change time, and no history."""
    world.sql(
        """INSERT INTO ho_so (ma_ho_so, ma_don_vi, so_dien_thoai_nguoi_nop, trang_thai, ngay_tiep_nhan, cap_nhat_luc)
           VALUES (:code, 'H27.37', '0978362918', 4, :at, :at)""",
        code=code,
        at=MORNING - timedelta(days=9),
    )


def test_a_payment_that_became_due_by_raw_sql_is_found(world: World) -> None:
    """Its id is long behind us and its change time was not touched."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING, state="Chưa thanh toán")
    poller.round()
    world.now += timedelta(hours=1)
    poller.round()
    world.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = 'Chờ thanh toán'")
    poller.round()
    assert world.kinds() == ["accepted"]
    poller.reconcile(whole=True)
    assert sorted(world.kinds()) == ["accepted", "fee_requested"]


def test_what_was_there_at_the_first_start_is_told_to_nobody_by_the_reconcile(world: World) -> None:
    """R14: open dossiers of the past are compared with what the baseline saw."""
    for number in range(7):
        world.accept(code(number))
    poller = world.poller(page=2, baseline_page=2)
    poller.round()
    assert poller.reconcile(whole=True).recorded == 0
    world.sql(SILENT_RESULT, status=10, code=code(3))
    poller.reconcile(whole=True)
    assert world.told() == [f"{code(3)}/result_ready/1"]


def test_nothing_is_compared_before_the_first_start_is_over(world: World) -> None:
    """Half a baseline knows half of the past only."""
    for number in range(6):
        world.accept(code(number))
    poller = world.poller(baseline_page=2)
    assert poller.round(0).more
    assert poller.reconcile(whole=True).read == 0
    assert world.told() == []


def test_a_pass_takes_many_slices_and_then_rests(world: World) -> None:
    """A page a ring; after the last one nothing is asked until the mapping's time is over."""
    poller = world.started(page=3)
    for number in range(10):
        world.accept(code(number))
    while poller.round().recorded:
        pass
    slices = [poller.reconcile(0)]
    while slices[-1].more:
        slices.append(poller.reconcile(0))
    assert len(slices) >= 8  # 4 pages of open dossiers, 4 of those that we look after, and the payments
    assert sum(tally.read for tally in slices) == 20
    assert poller.reconcile(0).read == 0
    world.now += timedelta(seconds=world.mapping.limits.reconcile_seconds)
    assert poller.reconcile(0).read == 3


def test_a_crash_in_a_pass_costs_a_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found and the place it was found at move together; the next process goes on."""
    poller = world.started(page=2)
    for number in range(6):
        world.accept(code(number))
    while poller.round().recorded:
        pass
    world.now += timedelta(hours=1)  # so that no feed looks back to them any more
    poller.round()
    for number in range(6):
        world.sql(SILENT_RESULT, status=10, code=code(number))
    known, calls = reconcile.fingerprints, 0

    def crash(*args: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        known.keep(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "fingerprints", SimpleNamespace(keep=crash, known=known.known, page=known.page))
        with pytest.raises(KeyboardInterrupt):
            poller.reconcile()
    assert world.kinds().count("result_ready") == 2
    other = world.poller(page=2)
    while other.reconcile().more:
        pass
    assert world.kinds().count("result_ready") == 6


def test_two_processes_reconcile_once(world: World) -> None:
    """The second one begins while the first is at work: all is found, and once."""
    poller, other = world.started(page=1), world.poller(page=1)
    for number in range(4):
        world.accept(code(number))
    while poller.round().recorded:
        pass
    for number in range(4):
        world.sql(SILENT_RESULT, status=9, code=code(number))
    poller.reconcile(0)
    other.reconcile(0)
    poller.reconcile(whole=True)
    assert world.kinds().count("result_ready") == 4
    assert len(world.rows("SELECT FROM notices")) == 8


def test_dossiers_that_are_over_or_gone_are_not_looked_after(world: World) -> None:
    """Handed over, deleted by flag, deleted for good: the ledger forgets them, and keeps the open one."""
    poller = world.started()
    for number in range(4):
        world.accept(code(number))
    poller.round()
    world.dossiers.hand_over(code(0), MORNING)
    world.sql("UPDATE ho_so SET da_xoa = true WHERE ma_ho_so = :code", code=code(1))
    world.sql("DELETE FROM qua_trinh_xu_ly WHERE ma_ho_so = :code", code=code(2))
    world.sql("DELETE FROM ho_so WHERE ma_ho_so = :code", code=code(2))
    poller.reconcile(whole=True)
    assert [row.code for row in world.rows("SELECT code FROM sightings")] == [code(3)]
