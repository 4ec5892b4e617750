"""A word that nobody knows lets nothing go that a known one would have ended; and what is odd is seen until mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.dossier import PaymentState, Status
from domain.lifecycle import State
from ledger.notices import moves, verbs
from ledger.notices.moves import Move
from ledger.notices.verbs import Choice
from producers.dossiers.mapping import word
from tests.producers.dossiers.conftest import MORNING, OA, World

CODE = "H27.37-240219-1001"
OTHER = "H27.37-240219-1002"
STRANGE = "Đang đối soát ngân hàng"
HELD = "payment_state holds a word that the mapping does not know: «Đang đối soát ngân hàng»"


def states(world: World) -> dict[str, tuple[str, str | None]]:
    """State and reason of each notice, by kind."""
    rows = world.rows("SELECT kind, state, reason FROM notices")
    return {row.kind: (row.state, row.reason) for row in rows}


def odd(world: World) -> list[tuple[str, str, str]]:
    """What is odd: code, row, column."""
    rows = world.rows("SELECT code, source_row, field FROM oddities ORDER BY 1, 2, 3")
    return [(row.code, row.source_row, row.field) for row in rows]


def teach(world: World, said: str, meaning: PaymentState | Status) -> None:
    """Somebody adds a word to the mapping."""
    if isinstance(meaning, Status):
        world.mapping = world.mapping.model_copy(update={"status": world.mapping.status | {word(said): meaning}})
        return
    known = world.mapping.payments.states | {word(said): meaning}
    payments = world.mapping.payments.model_copy(update={"states": known})
    world.mapping = world.mapping.model_copy(update={"payments": payments})


def fee(world: World, state: str = "Chờ thanh toán") -> int:
    """An accepted dossier, told already, with a fee."""
    world.accept(CODE)
    return world.dossiers.request_fee(CODE, 500_000, at=MORNING + timedelta(minutes=7), state=state)


def send_accepted(world: World) -> None:
    """Of the dossier the acceptance was told."""
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sent' WHERE kind = 'accepted'"))


def change(world: World, number: int, state: str) -> None:
    """The payment gets another word, now."""
    at = world.now.astimezone(world.mapping.zone).replace(tzinfo=None)
    world.dossiers.change_fee(number, state, at=at)


def test_a_fee_whose_payment_gets_an_unknown_word_is_kept_back_with_the_word(world: World) -> None:
    """It may be paid: nobody is asked to pay before somebody says what the word means."""
    poller = world.started()
    number = fee(world)
    poller.round()
    assert states(world)["fee_requested"][0] == "waiting"
    change(world, number, STRANGE)
    poller.round()
    assert states(world)["fee_requested"] == ("quarantined", HELD)
    assert odd(world) == [(CODE, f"payments/{number}", "payment_state")]


@pytest.mark.parametrize(
    ("meaning", "state"),
    [
        (PaymentState.REQUESTED, "due"),
        (PaymentState.PAID, "suppressed"),
        (PaymentState.CANCELLED, "suppressed"),
        (PaymentState.NOT_YET, "suppressed"),
    ],
)
@pytest.mark.parametrize("first", ["Chờ thanh toán", STRANGE])
def test_it_goes_or_ends_by_itself_when_the_mapping_knows_the_word(
    world: World, first: str, meaning: PaymentState, state: str
) -> None:
    """Whether the fee was seen before or not; the row itself is not read again."""
    poller = world.started()
    number = fee(world, first)
    poller.round()
    send_accepted(world)
    if first != STRANGE:
        change(world, number, STRANGE)
        poller.round()
    assert states(world)["fee_requested"] == ("quarantined", HELD)
    world.now += timedelta(hours=1)
    teach(world, STRANGE, meaning)
    world.poller().round()
    assert states(world)["fee_requested"][0] == state
    assert odd(world) == []


@pytest.mark.parametrize(("said", "state"), [("Chờ thanh toán", "due"), ("Đã thanh toán", "suppressed")])
def test_it_goes_or_ends_when_the_source_says_a_known_word_again(world: World, said: str, state: str) -> None:
    """The software corrected itself."""
    poller = world.started()
    number = fee(world, STRANGE)
    poller.round()
    send_accepted(world)
    change(world, number, said)
    poller.round()
    assert states(world)["fee_requested"][0] == state
    assert odd(world) == []


def test_what_an_operator_lets_go_is_not_kept_back_again_for_the_same_word(world: World) -> None:
    """Each poll reads the row again for a while."""
    poller = world.started()
    fee(world, STRANGE)
    poller.round()
    send_accepted(world)
    list(verbs.carry_out(world.ledger, OA, verbs.RELEASE, Choice(kind="fee_requested"), by="Lan", why="asked the bank"))
    poller.round()
    poller.reconcile(whole=True)
    assert states(world)["fee_requested"][0] == "due"


def test_a_fee_under_way_is_kept_back_when_it_comes_back(world: World) -> None:
    """A worker has it while the word comes; its try fails, and the retry does not go."""
    poller = world.started()
    number = fee(world)
    poller.round()
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sending', lease = 'a' WHERE kind = 'fee_requested'"))
    change(world, number, STRANGE)
    poller.round()
    assert states(world)["fee_requested"][0] == "sending"
    [row] = world.rows("SELECT id FROM notices WHERE kind = 'fee_requested'")
    with world.ledger.begin() as tx:
        moves.move(tx, [Move(row.id, State.SENDING, State.DUE, why="try later", lease="a")], by="worker")
    assert states(world)["fee_requested"] == ("quarantined", HELD)


def test_a_dossier_in_an_unknown_status_keeps_back_what_depends_on_it(world: World) -> None:
    """It may have been withdrawn; once the status is known again, what is still true goes, and the rest is ended."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    world.sql("UPDATE ho_so SET trang_thai = 77, cap_nhat_luc = now() WHERE ma_ho_so = :code", code=CODE)
    poller.round()
    poller.reconcile(whole=True)
    assert states(world)["accepted"] == (
        "quarantined",
        "status holds a word that the mapping does not know: «77»",
    )
    world.sql("UPDATE ho_so SET trang_thai = 2 WHERE ma_ho_so = :code", code=CODE)
    poller.reconcile(whole=True)
    assert states(world)["accepted"][0] == "due"
    assert odd(world) == []


def test_the_status_that_the_mapping_learns_lets_go_what_hung_on_it(world: World) -> None:
    """Nothing but the mapping changes; the reconcile reads the dossier again."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    world.sql("UPDATE ho_so SET trang_thai = 77 WHERE ma_ho_so = :code", code=CODE)
    poller.reconcile(whole=True)
    assert states(world)["accepted"][0] == "quarantined"
    teach(world, "77", Status.IN_PROGRESS)
    world.poller().reconcile(whole=True)
    assert states(world)["accepted"][0] == "due"


def test_an_unknown_status_ends_nothing_and_hides_no_payment(world: World) -> None:
    """The payment is known to be paid: that ends its fee, whatever the dossier's status means."""
    poller = world.started()
    number = fee(world)
    poller.round()
    world.sql("UPDATE ho_so SET trang_thai = 77 WHERE ma_ho_so = :code", code=CODE)
    change(world, number, "Đã thanh toán")
    poller.round()
    poller.reconcile(whole=True)
    world.sql("UPDATE ho_so SET trang_thai = 4 WHERE ma_ho_so = :code", code=CODE)
    poller.reconcile(whole=True)
    assert states(world)["fee_requested"] == ("suppressed", "fee paid")
    assert states(world)["accepted"][0] == "due"


def test_what_is_kept_back_holds_nothing_else_up(world: World) -> None:
    """The result of the same dossier goes, though its fee is held."""
    poller = world.started()
    fee(world, STRANGE)
    poller.round()
    send_accepted(world)
    world.dossiers.finish(CODE, at=MORNING + timedelta(days=1))
    poller.round()
    assert (states(world)["fee_requested"][0], states(world)["result_ready"][0]) == ("quarantined", "due")


def test_a_word_that_ends_a_dossier_and_is_not_known_holds_the_result_alone(world: World) -> None:
    """What was accepted stays accepted; whether it ended with a result is not known."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.finish(CODE, at=MORNING + timedelta(days=1))
    poller.round()
    world.sql("UPDATE ho_so SET loai_ket_qua = 'Đình chỉ', cap_nhat_luc = now() WHERE ma_ho_so = :code", code=CODE)
    poller.round()
    assert states(world)["accepted"][0] == "due"
    assert states(world)["result_ready"][0] == "quarantined"
    assert odd(world) == [(CODE, "", "result_kind")]


@pytest.mark.parametrize(
    ("poison", "column"),
    [
        ("ngay_hen_tra = '20240-02-19'", "appointment_at"),
        ("ngay_hen_tra = '0044-03-15 BC'", "appointment_at"),
        ("ngay_hen_tra = '2924-02-26'", "appointment_at"),
        ("ngay_tiep_nhan = '1024-02-19'", "accepted_at"),
        ("ngay_nop = '1024-02-19'", "submitted_at"),
    ],
)
def test_a_date_that_cannot_be_believed_costs_that_fact_only(world: World, poison: str, column: str) -> None:
    """The acceptance is told; the oddity says what to mend, and goes when it is mended."""
    poller = world.started()
    world.accept(CODE)
    world.sql(f"UPDATE ho_so SET {poison} WHERE ma_ho_so = :code", code=CODE)
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1"]
    assert odd(world) == [(CODE, "", column)]
    world.sql(
        """UPDATE ho_so SET ngay_tiep_nhan = :at, ngay_hen_tra = :at, ngay_nop = :at, cap_nhat_luc = now()
           WHERE ma_ho_so = :code""",
        code=CODE, at=MORNING,
    )  # fmt: skip
    poller.round()
    assert odd(world) == []


@pytest.mark.parametrize(
    "none", ["1899-12-30", "1970-01-01 07:00", "1753-01-01", "9999-12-31", "infinity", "-infinity", "4713-01-01 BC"]
)
def test_a_stand_in_for_no_date_is_none_and_not_odd(world: World, none: str) -> None:
    """The acceptance is told without an appointment."""
    poller = world.started()
    world.accept(CODE)
    world.sql(f"UPDATE ho_so SET ngay_hen_tra = '{none}' WHERE ma_ho_so = :code", code=CODE)
    poller.round()
    [row] = world.rows("SELECT facts FROM notices")
    assert (row.facts, odd(world)) == ({}, [])


def test_a_payment_without_a_believable_time_is_told_all_the_same(world: World) -> None:
    """Its amount and its state are known."""
    poller = world.started()
    number = fee(world)
    world.sql("UPDATE yeu_cau_thanh_toan SET ngay_yeu_cau = '1024-02-19' WHERE id = :number", number=number)
    poller.round()
    assert f"{CODE}/fee_requested/{number}" in world.told()
    assert odd(world) == [(CODE, f"payments/{number}", "requested_at")]


def test_a_history_row_without_a_time_is_seen_until_it_is_read_well(world: World) -> None:
    """Set aside, told by the snapshot, and on the list."""
    poller = world.started()
    world.accept(CODE)
    world.sql("UPDATE qua_trinh_xu_ly SET thoi_gian = 'infinity' WHERE trang_thai = 2")
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1"]
    [(code, where, column)] = odd(world)
    assert (code, where.split("/")[0], column) == (CODE, "history", "at")


def test_a_whole_table_of_faults_is_written_once(world: World) -> None:
    """Every dossier is in a status that nobody knows; the next polls and passes write no row of the ledger for them."""
    poller = world.started()
    for number in range(40):
        world.accept(f"H27.37-240219-{number:04}")
    world.sql("UPDATE ho_so SET trang_thai = 77")
    poller.round()
    poller.reconcile(whole=True)
    assert len(odd(world)) == 40
    query = "SELECT xmin::text AS x, ctid::text AS c, code FROM {} ORDER BY 1, 2, 3"
    before = [[tuple(row) for row in world.rows(query.format(table))] for table in ("oddities", "sightings", "notices")]
    for _ in range(3):
        poller.round()
        poller.reconcile(whole=True)
    after = [[tuple(row) for row in world.rows(query.format(table))] for table in ("oddities", "sightings", "notices")]
    assert after == before
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE oddities SET last_seen_at = last_seen_at - interval '11 minutes'"))
    poller.reconcile(whole=True)
    assert {row.times for row in world.rows("SELECT times FROM oddities")} == {2}


def test_the_ledger_keeps_no_value_that_may_be_about_a_person(world: World) -> None:
    """A name in the column of results, a phone in the column of statuses of payments: their shapes are enough."""
    poller = world.started()
    number = fee(world)
    world.sql("UPDATE ho_so SET loai_ket_qua = 'Nguyễn Anh Tuấn', trang_thai = 9 WHERE ma_ho_so = :code", code=CODE)
    world.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = '0978.362.918' WHERE id = :number", number=number)
    poller.round()
    kept = " ".join(str(tuple(row)) for row in world.rows("SELECT o.*, n.held, n.reason FROM oddities o, notices n"))
    assert "result_kind" in kept
    assert "payment_state" in kept
    for personal in ("Nguyễn", "Tuấn", "0978", "362"):
        assert personal not in kept


@pytest.mark.parametrize(("said", "told"), [("có", False), ("-1", False), ("không", True), ("0", True), ("?", None)])
def test_a_flag_in_other_words_is_read_or_holds_the_dossier(world: World, said: Any, told: bool | None) -> None:
    """Whether a dossier is deleted may be said in many ways; what is neither yes nor no lets nothing go."""
    world.started()
    world.accept(CODE)
    columns = world.mapping.columns.dossier.replace("h.da_xoa ", f"'{said}' ")
    changed = world.mapping.columns.model_copy(update={"dossier": columns})
    world.mapping = world.mapping.model_copy(update={"columns": changed})
    world.poller().round()
    assert world.told() == ([f"{CODE}/accepted/1"] if told else [])
    assert odd(world) == ([(CODE, "", "ignored")] if told is None else [])
