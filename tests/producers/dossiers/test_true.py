"""What has not left follows the source, whichever way the source changed; what waited for long is read again first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.lane import Lane
from domain.notice import Letter, Notice
from domain.truth import Addressee, Correct
from ledger.notices import claims, truth
from ledger.notices.eligibility import Bounds
from producers.dossiers.source import SourceError
from tests.producers.dossiers.conftest import MORNING, OA, World
from tests.producers.dossiers.test_rules import now_there

CODE, OTHER = "H27.37-240219-1001", "H27.37-240219-1002"
TEN_MINUTES = timedelta(minutes=10)


def with_fee(world: World) -> int:
    """An accepted dossier whose fee is asked for, both recorded; returns the id of the request."""
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    return int(request)


def notice(world: World, kind: str) -> Any:
    [row] = world.rows(
        f"SELECT id, state, reason, facts, person_id, true_at, no_longer_so FROM notices WHERE kind = '{kind}'"
    )
    return row


def steps(world: World, kind: str) -> list[str]:
    """What the history says of a notice after its recording."""
    return [row.why for row in world.rows(f"""
        SELECT h.why FROM history h JOIN notices n ON n.id = h.notice_id
        WHERE n.kind = '{kind}' AND h.before IS NOT NULL ORDER BY h.id""")]  # fmt: skip


def in_state(world: World, state: str) -> None:
    """As if all notices had come to this state, and nobody had compared them for an hour."""
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = :state, true_at = true_at - interval '1 hour'"), {"state": state})


def claim(world: World, sure: timedelta = TEN_MINUTES) -> list[Notice]:
    """What a worker may take now, in all lanes."""
    bounds, found = Bounds(timedelta(days=3), sure=sure), list[Notice]()
    with world.ledger.begin() as tx:
        for lane in Lane:
            found += claims.lock_due(tx, OA, lane, "epoch.lease", 100, bounds=bounds)
        claims.lease_out(tx, [Letter(one, "words") for one in found], seconds=60, by="test")
    return found


SILENT = {
    "the amount": ("UPDATE yeu_cau_thanh_toan SET so_tien = 900", "fee_requested", "corrected: amount"),
    "the appointment": (
        "UPDATE ho_so SET ngay_hen_tra = ngay_hen_tra + interval '2 days'", "accepted", "corrected: appointment_at"),
    "the phone": ("UPDATE ho_so SET so_dien_thoai_nguoi_nop = '0912345678'", "accepted", "corrected: phone"),
    "the channel": (
        "UPDATE ho_so SET kenh_thuc_hien = 1", "accepted", "the dossier is deleted, converted or not online any more"),
    "the mark of deletion": (
        "UPDATE ho_so SET da_xoa = true", "fee_requested", "the dossier is deleted, converted or not online any more"),
    "the status, back": ("UPDATE ho_so SET trang_thai = 1", "accepted", "it is not accepted any more"),
    "the fee's state": (
        "UPDATE yeu_cau_thanh_toan SET trang_thai = 'Hủy thanh toán'", "fee_requested", "fee cancelled"),
    "the payment's row": ("DELETE FROM yeu_cau_thanh_toan", "fee_requested", "the fee is not in the source any more"),
}  # fmt: skip
"""What raw SQL may change without touching history or change time, and what then stands in the notice's history."""


@pytest.mark.parametrize("state", ["waiting", "due", "unreachable", "quarantined"])
def test_whatever_raw_sql_changes_is_found_within_one_reconcile_pass(world: World, state: str) -> None:
    """One dossier after the other, in each state in which a notice may wait."""
    poller = world.started()
    with_fee(world)
    poller.round()
    for sql, kind, why in SILENT.values():
        in_state(world, state)
        before = len(steps(world, kind))
        world.sql(sql)
        poller.reconcile(whole=True)
        assert why in steps(world, kind)[before:], (sql, steps(world, kind))
        with world.ledger.begin() as tx:  # the next change meets a notice that is true
            tx.execute(text("UPDATE notices SET withdrawn = NULL, withdrawn_at = NULL"))
        world.sql("UPDATE ho_so SET kenh_thuc_hien = 2, da_xoa = false, trang_thai = 2")


def test_a_dossier_that_is_gone_from_the_source_is_not_told_of_and_comes_back_if_it_comes_back(world: World) -> None:
    """A nightly reload empties tables for a moment."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    in_state(world, "due")
    world.sql("CREATE TABLE aside AS SELECT * FROM ho_so")
    world.sql("CREATE TABLE steps_aside AS SELECT * FROM qua_trinh_xu_ly")
    world.sql("DELETE FROM qua_trinh_xu_ly")
    world.sql("DELETE FROM ho_so")
    poller.reconcile(whole=True)
    assert (notice(world, "accepted").state, notice(world, "accepted").reason) == (
        "suppressed", "the dossier is not in the source any more")  # fmt: skip
    world.sql("INSERT INTO ho_so SELECT * FROM aside")
    poller.reconcile(whole=True)
    assert notice(world, "accepted").state == "due"


def test_a_feed_corrects_within_one_poll_and_the_words_are_the_sources(world: World) -> None:
    """A change that touches the change time needs no reconcile; and what touches nothing else but the phone (R9)."""
    poller = world.started()
    request = with_fee(world)
    poller.round()
    world.sql("UPDATE yeu_cau_thanh_toan SET so_tien = 900, cap_nhat_luc = :at WHERE id = :id",
              at=now_there(world), id=request)  # fmt: skip
    world.sql("UPDATE ho_so SET so_dien_thoai_nguoi_nop = '0912345678', cap_nhat_luc = :at", at=now_there(world))
    first = notice(world, "fee_requested").person_id
    poller.round()
    fee = notice(world, "fee_requested")
    assert fee.facts == {"amount": 900}
    assert fee.person_id != first
    assert notice(world, "accepted").person_id == fee.person_id


def test_r9_a_held_notice_goes_to_the_corrected_number(world: World) -> None:
    """R9: it was unreachable by a number that somebody mistyped; the right one makes it due, as fresh as a new one."""
    poller = world.started()
    world.accept(CODE, phone="0391234")
    poller.round()
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'unreachable', fresh_at = fresh_at - interval '4 days'"))
    assert notice(world, "accepted").person_id is None
    world.sql("UPDATE ho_so SET so_dien_thoai_nguoi_nop = '0978362918'")
    poller.reconcile(whole=True)
    found = notice(world, "accepted")
    assert (found.state, found.person_id is None) == ("due", False)
    assert steps(world, "accepted") == ["corrected: phone", "the phone was corrected"]
    assert [one.code for one in claim(world)] == [CODE]


def test_what_waited_for_ten_minutes_is_not_claimed_before_it_was_read_again(world: World) -> None:
    """And then with what the source says by then. No feed sees the row in between."""
    world.without("snapshot")
    poller = world.started()
    world.accept(CODE)
    poller.round()
    in_state(world, "due")
    assert claim(world) == []
    assert len(claim(world, sure=timedelta(days=1))) == 1  # as with HCC_RECHECK_SECONDS=86400
    in_state(world, "due")
    world.sql("UPDATE ho_so SET ngay_hen_tra = ngay_hen_tra + interval '2 days'")
    rung = world.rung
    assert poller.round().compared == 1
    assert world.rung == rung + 1
    [one] = claim(world)
    assert one.appointment_at is not None
    assert one.appointment_at.astimezone(world.mapping.zone).replace(tzinfo=None) == MORNING + timedelta(days=9)


def test_while_the_source_cannot_be_read_it_waits_and_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    poller = world.started()
    world.accept(CODE)
    poller.round()
    in_state(world, "due")
    source = poller._parts.source

    def away(*_: object) -> None:
        raise SourceError("away")

    with monkeypatch.context() as patch:
        patch.setattr(source, "ask", away)
        with pytest.raises(SourceError):
            poller.round()
    assert (notice(world, "accepted").state, notice(world, "accepted").reason) == ("due", truth.SOURCE)
    assert claim(world) == []
    poller.round()
    assert notice(world, "accepted").reason is None
    assert len(claim(world)) == 1


def test_a_dossier_in_an_unknown_status_is_kept_back_and_holds_nobody_up(world: World) -> None:
    poller = world.started()
    world.accept(CODE)
    world.accept(OTHER)
    poller.round()
    in_state(world, "due")
    world.sql("UPDATE ho_so SET trang_thai = 77 WHERE ma_ho_so = :code", code=CODE)
    poller.round()
    assert [one.code for one in claim(world)] == [OTHER]
    [row] = world.rows(f"SELECT state, reason FROM notices WHERE code = '{CODE}'")
    assert row.state == "quarantined"
    assert row.reason.startswith("status holds a word that the mapping does not know")


def test_what_a_worker_holds_keeps_its_words_and_does_not_leave(world: World) -> None:
    """Between the claim and the wire: the batch is asked once more, and the notice goes back to be read again."""
    poller = world.started()
    with_fee(world)
    poller.round()
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sent' WHERE kind = 'accepted'"))
        tx.execute(text("UPDATE notices SET state = 'due', due_at = now() - interval '1 s'"
                        " WHERE kind = 'fee_requested'"))  # fmt: skip
    [held] = claim(world)
    world.sql("UPDATE yeu_cau_thanh_toan SET so_tien = 900")
    poller.reconcile(whole=True)
    assert notice(world, "fee_requested").facts == {"amount": 500}  # what the words in the worker's hands say
    with world.ledger.connect() as connection:
        assert claims.unwanted(connection, [held]) == {held.id: "corrected meanwhile"}
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'due', lease = NULL WHERE kind = 'fee_requested'"))
    assert claim(world, sure=timedelta(days=9999)) == []  # whatever the setting
    poller.round()
    [again] = claim(world)
    assert again.amount == 900


def test_who_read_first_and_writes_last_does_not_undo_what_is_newer(world: World) -> None:
    """Two processes: one read the old amount, the other one the new one."""
    poller = world.started()
    with_fee(world)
    poller.round()
    with world.ledger.begin() as tx:
        before = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    world.sql("UPDATE yeu_cau_thanh_toan SET so_tien = 900")
    poller.reconcile(whole=True)
    fee = notice(world, "fee_requested")
    old = Correct({"amount": 500}, Addressee(fee.person_id), "corrected: amount", another_person=False)
    with world.ledger.begin() as tx:
        assert truth.correct(tx, {fee.id: old}, asked_at=before, by="test", days=14) == set()
    assert notice(world, "fee_requested").facts == {"amount": 900}


def test_a_fee_that_was_paid_while_the_pass_was_reading_is_not_recorded_as_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12: the pass read it as asked for; it was paid before the feeds were read, and no notice was there to end."""
    world.without("payments", "payment_changes")
    poller = world.started()
    request = with_fee(world)
    reconcile = poller._reconcile
    catch_up = reconcile._catch_up

    def paid_meanwhile(*given: object, **more: object) -> bool:
        world.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = 'Đã thanh toán' WHERE id = :id", id=request)
        return catch_up(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "_catch_up", paid_meanwhile)
    poller.round()
    poller.reconcile(whole=True)
    assert world.kinds() == ["accepted"]


def test_a_result_that_was_told_and_recalled_is_found_for_staff(world: World) -> None:
    poller = world.started()
    world.accept(CODE)
    world.dossiers.move(CODE, 9, at=MORNING + timedelta(minutes=1))
    poller.round()
    in_state(world, "sent")
    world.dossiers.move(CODE, 4, at=MORNING + timedelta(minutes=2))
    poller.round()
    why = "told, and no longer so: the result was recalled"
    assert (notice(world, "result_ready").state, notice(world, "result_ready").no_longer_so) == ("sent", why)
    assert steps(world, "result_ready") == [why]
    with world.ledger.connect() as connection:
        assert truth.amiss(connection, OA, limit=10) == [(f"{CODE}/result_ready/1", why)]
    world.dossiers.move(CODE, 9, at=MORNING + timedelta(minutes=3))
    poller.round()
    assert notice(world, "result_ready").no_longer_so is None


def test_a_corrected_fee_that_was_told_is_told_again_where_that_is_switched_on(world: World) -> None:
    kinds = world.mapping.kinds.model_copy(update={"told": {"fee_corrected": True}})
    world.mapping = world.mapping.model_copy(update={"kinds": kinds})
    poller = world.started()
    request = with_fee(world)
    poller.round()
    poller.round()
    assert world.kinds() == ["accepted", "fee_requested"]
    in_state(world, "sent")
    world.sql("UPDATE yeu_cau_thanh_toan SET so_tien = 900, cap_nhat_luc = :at", at=now_there(world))
    poller.round()
    poller.round()
    poller.reconcile(whole=True)
    assert world.kinds() == ["accepted", "fee_requested", "fee_corrected"]
    assert notice(world, "fee_corrected").facts == {"amount": 900}
    assert world.told()[-1] == f"{CODE}/fee_corrected/{request}-900"


NEW = "H27.40-240219-7001"


def with_column(world: World, column: str) -> None:
    """The mapping names it."""
    columns = world.mapping.columns
    changed = columns.model_copy(update={"dossier": f"{column},\n{columns.dossier}"})
    world.mapping = world.mapping.model_copy(update={"columns": changed})


def give_another_code(world: World) -> None:
    """As a migration of merged units does it: the same rows under a new code."""
    world.sql("ALTER TABLE qua_trinh_xu_ly DROP CONSTRAINT IF EXISTS qua_trinh_xu_ly_ma_ho_so_fkey")
    world.sql("ALTER TABLE yeu_cau_thanh_toan DROP CONSTRAINT IF EXISTS yeu_cau_thanh_toan_ma_ho_so_fkey")
    for table in ("ho_so", "qua_trinh_xu_ly", "yeu_cau_thanh_toan"):
        world.sql(f"UPDATE {table} SET ma_ho_so = :new WHERE ma_ho_so = :old", new=NEW, old=CODE)
    world.sql("UPDATE ho_so SET cap_nhat_luc = :at", at=now_there(world))


@pytest.mark.parametrize("column", ["'mot' AS stable_key", f"'{CODE}' AS former_code"])
@pytest.mark.parametrize("told", [True, False], ids=["told", "not yet told"])
def test_a_dossier_that_gets_another_code_is_told_of_once(world: World, column: str, told: bool) -> None:
    """What was told stays as it was; what was not is told once, under the code that the citizen finds now."""
    if "stable_key" in column:
        with_column(world, column)
    poller = world.started()
    with_fee(world)
    poller.round()
    if told:
        in_state(world, "sent")
    if "former_code" in column:
        with_column(world, column)
        poller = world.poller()
    give_another_code(world)
    poller.round()
    poller.reconcile(whole=True)
    kept = CODE if told else NEW
    assert [key.rpartition("/")[0] for key in world.told()] == [f"{kept}/accepted", f"{kept}/fee_requested"]
    assert {row.state for row in world.rows("SELECT state FROM notices")} == ({"sent"} if told else {"due", "waiting"})
