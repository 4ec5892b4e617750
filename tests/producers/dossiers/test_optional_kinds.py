"""The optional kinds: off by default, switched on for a province or a unit, each told when it is true and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.dossier import Reason
from domain.event import Event
from domain.kinds import COMPARING, DEFAULT, KINDS, OF_DOSSIERS, RANK
from producers.dossiers import corroboration
from producers.dossiers.mapping import Mapping
from producers.dossiers.poll import Poller
from producers.dossiers.record import Seen, record
from producers.dossiers.switches import Kinds
from tests.producers.dossiers.conftest import MORNING, OA, PHONE, World

CODE = "H27.37-240219-1001"
MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)
EVERYTHING = {kind.name: True for kind in KINDS if kind.rule and not kind.follows}


def telling(mapping: Mapping, switches: dict[str, Any]) -> Mapping:
    """The mapping with these switches in its [kinds]."""
    return mapping.model_copy(update={"kinds": Kinds.model_validate(switches)})


def started(world: World, *kinds: str, **columns: str) -> Poller:
    """A poller that tells these kinds and no other, with more columns of the dossier, past its first start."""
    only = {name: name in kinds for name in OF_DOSSIERS}
    more = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    fragment = world.mapping.columns.model_copy(update={"dossier": world.mapping.columns.dossier + more})
    world.mapping = telling(world.mapping, only).model_copy(update={"columns": fragment})
    return world.started()


def kinds_and_states(world: World) -> list[tuple[str, str]]:
    """Every notice, in the order of events."""
    return [tuple(row) for row in world.rows("SELECT kind, state FROM notices ORDER BY event_at, rank, id")]


def later(world: World) -> datetime:
    """Now, in the source's clock."""
    return world.now.astimezone(world.mapping.zone).replace(tzinfo=None)


def test_only_the_three_of_the_seed_are_on_by_default(world: World) -> None:
    """R1, and the reference says the same as the table of kinds."""
    assert world.mapping.kinds.of("H27.37") == DEFAULT == {"accepted", "fee_requested", "result_ready"}
    assert Kinds().of(None) == DEFAULT


def test_submitted_is_told_with_the_time_of_filing(world: World) -> None:
    """Decree 45/2020 Art. 11: the portal answers that the dossier has come in."""
    poller = started(world, "submitted")
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    poller.round()
    assert world.told() == [f"{CODE}/submitted/1"]


def test_refused_is_told_but_not_the_citizens_own_withdrawal(world: World) -> None:
    """Some systems store both as 3; the second begins with 'Thu hồi' and is told as a withdrawal."""
    poller = started(world, "refused", "withdrawn")
    for number, words in enumerate(("Không đủ điều kiện", "Thu hồi: nộp nhầm", None)):
        code = f"H27.37-240219-{number:04}"
        world.dossiers.file(code, phone=PHONE, at=MORNING)
        world.sql("UPDATE ho_so SET trang_thai = 3 WHERE ma_ho_so = :code", code=code)
        world.sql(
            "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian, noi_dung) VALUES (:code, 3, :at, :words)",
            code=code, at=MORNING + number * MINUTE, words=words,
        )  # fmt: skip
    poller.round()
    assert world.kinds() == ["refused", "withdrawn", "refused"]


def test_a_request_to_withdraw_is_acknowledged(world: World) -> None:
    """Status 7."""
    poller = started(world, "withdrawn")
    world.accept(CODE)
    world.dossiers.move(CODE, 7, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["withdrawn"]


@pytest.mark.parametrize(("kind", "status"), [("supplement_required", 5), ("financial_obligation", 6), ("stopped", 8)])
def test_a_pause_is_told_while_it_lasts(world: World, kind: str, status: int) -> None:
    """Told when it begins; suppressed if it is over before the notice left; not told when it is found over."""
    poller = started(world, kind)
    world.accept(CODE)
    world.dossiers.move(CODE, status, at=MORNING + MINUTE)
    poller.round()
    assert kinds_and_states(world) == [(kind, "due")]
    world.dossiers.move(CODE, 4, at=MORNING + 2 * MINUTE)
    poller.round()
    assert kinds_and_states(world) == [(kind, "suppressed")]
    world.accept(f"{CODE}1")
    world.dossiers.move(f"{CODE}1", status, at=MORNING + MINUTE)
    world.dossiers.move(f"{CODE}1", 4, at=MORNING + 2 * MINUTE)
    poller.round()
    assert len(kinds_and_states(world)) == 1


def test_a_second_request_for_papers_is_told_where_the_source_tells_it_from_the_first(world: World) -> None:
    """`step` is whatever is another one each time; without it a status is told once in a dossier's life."""
    world.mapping = world.mapping.model_copy(update={"reasons": {"thiếu": Reason.PAPERS_MISSING}})
    poller = started(world, "supplement_required", step="h.ngay_nop", deadline_at="h.ngay_hen_tra", reason="'Thiếu'")
    world.accept(CODE)
    for round_ in range(3):
        world.sql("UPDATE ho_so SET ngay_nop = :at", at=MORNING + (round_ // 2) * MINUTE)
        world.dossiers.move(CODE, 5, at=MORNING + round_ * MINUTE)
        poller.round()
        world.dossiers.move(CODE, 4, at=MORNING + round_ * MINUTE)
        poller.round()
    assert world.kinds() == ["supplement_required"] * 2
    assert world.rows("SELECT facts FROM notices")[0].facts == {
        "deadline_at": "2024-02-26T02:09:00+00:00",
        "reason": "papers_missing",
    }


def test_resumed_is_told_after_a_pause_only_and_with_the_new_date(world: World) -> None:
    """2 → 4 is no resumption; 8 → 4 is one, also where the pause itself is told to nobody."""
    poller = started(world, "resumed")
    world.accept(CODE)
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == []
    world.dossiers.move(CODE, 8, at=MORNING + 2 * MINUTE)
    poller.round()
    world.sql("UPDATE ho_so SET ngay_hen_tra = :at", at=MORNING + 2 * WEEK)
    world.dossiers.move(CODE, 4, at=MORNING + 3 * MINUTE)
    poller.round()
    poller.round()
    assert world.told() == [f"{CODE}/resumed/20240304T0909"]
    assert world.rows("SELECT facts FROM notices")[0].facts == {"appointment_at": "2024-03-04T02:09:00+00:00"}


def test_a_payment_is_confirmed_and_the_request_that_had_not_left_is_not_sent(world: World) -> None:
    """Paid within the poll interval: the receipt alone."""
    poller = started(world, "fee_requested", "fee_paid")
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=later(world))
    poller.round()
    world.dossiers.change_fee(request, "Đã thanh toán", at=later(world) + MINUTE)
    poller.round()
    assert kinds_and_states(world) == [("fee_requested", "suppressed"), ("fee_paid", "due")]


def test_returned_is_told_when_a_result_was_handed_over(world: World) -> None:
    """And never of a dossier that was given back (R39)."""
    poller = started(world, "returned")
    for number, kind in enumerate(("Kết quả", "Trả lại/Xin rút")):
        code = f"H27.37-240219-{number:04}"
        world.accept(code)
        world.dossiers.finish(code, at=MORNING + MINUTE, kind=kind)
        world.dossiers.hand_over(code, MORNING + 2 * MINUTE)
    poller.round()
    assert world.told() == ["H27.37-240219-0000/returned/1"]


def test_a_new_appointment_is_told_to_those_who_know_another_one(world: World) -> None:
    """Once for each date; the first date is told with the acceptance, and where that was not told nothing is."""
    poller = started(world, "accepted", "appointment_changed")
    world.accept(CODE)
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["accepted"]
    world.sql("UPDATE ho_so SET ngay_hen_tra = :at", at=MORNING + 2 * WEEK)
    for minute in (2, 3):
        world.dossiers.move(CODE, 4, at=MORNING + minute * MINUTE)
        poller.round()
    assert world.told() == [f"{CODE}/accepted/1", f"{CODE}/appointment_changed/20240304T0909"]


def test_an_appointment_that_was_never_told_does_not_change(world: World) -> None:
    """A dossier of before the first start."""
    world.accept(CODE)
    poller = started(world, "accepted", "appointment_changed")
    world.sql("UPDATE ho_so SET ngay_hen_tra = :at", at=MORNING + 2 * WEEK)
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == []


def test_a_kind_that_compares_needs_its_rule_and_its_row_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody but its rule and its row knows: told, once, to those who know another deadline."""
    monkeypatch.setitem(RANK, "deadline_moved", 24)
    monkeypatch.setattr(corroboration, "COMPARING", (*COMPARING, "deadline_moved"))
    world.started()
    first, second = (datetime(2024, 3, day, 10, tzinfo=UTC) for day in (1, 8))

    def seen(kind: str, code: str, occurrence: str, deadline: datetime) -> Seen:
        event = Event(code, kind, occurrence, MORNING.replace(tzinfo=UTC), PHONE, deadline_at=deadline)
        return Seen(event, datetime.now(UTC))

    def told(*found: Seen) -> int:
        with world.ledger.begin() as tx:
            return record(tx, OA, world.people, found)

    assert told(seen("supplement_required", "H1", "1", first), seen("deadline_moved", "H2", "a", second)) == 1
    assert told(seen("deadline_moved", "H1", "a", first)) == 0
    assert told(seen("deadline_moved", "H1", "b", second)) == 1
    assert told(seen("deadline_moved", "H1", "b", second)) == 0
    assert world.told() == ["H1/supplement_required/1", "H1/deadline_moved/b"]


def test_a_delay_is_told_only_with_an_apology_and_a_new_date(world: World) -> None:
    """LoaiKetQua 'Xin lỗi'; once for each new date, and not as a change of the appointment, too."""
    poller = started(world, "accepted", "apology", "appointment_changed")
    world.accept(CODE)
    poller.round()
    world.sql("UPDATE ho_so SET loai_ket_qua = 'Xin lỗi', ngay_hen_tra = :at", at=MORNING + 2 * WEEK)
    for minute in (1, 2):
        world.dossiers.move(CODE, 4, at=MORNING + minute * MINUTE)
        poller.round()
    assert world.told() == [f"{CODE}/accepted/1", f"{CODE}/apology/20240304T0909"]


def test_what_happened_while_a_kind_was_off_is_no_news_when_it_is_switched_on(world: World) -> None:
    """R14 for kinds: no flood of 'handed over' for dossiers that a nightly job touches."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.finish(CODE, at=MORNING + MINUTE)
    world.dossiers.hand_over(CODE, MORNING + 2 * MINUTE)
    poller.round()
    world.mapping = telling(world.mapping, EVERYTHING)
    poller = world.poller()
    world.dossiers.move(CODE, 10, at=MORNING + 3 * MINUTE)
    world.dossiers.move(CODE, 1, at=MORNING + 3 * MINUTE)
    poller.round()
    assert world.kinds() == ["accepted", "result_ready"]


def test_a_units_exception_counts_for_it_and_what_is_below(world: World) -> None:
    """The nearest unit above decides; unit codes in the old spelling are the same unit."""
    switches = {"units": {"H27": {"accepted": False}, "000.00.37.H27": {"accepted": True, "submitted": True}}}
    kinds = Kinds.model_validate(switches)
    assert kinds.of("G09") == DEFAULT
    assert kinds.of("H27.3") == DEFAULT - {"accepted"}
    assert kinds.of("H27.37") == kinds.of("H27.37.5") == DEFAULT | {"submitted"}
    world.mapping = telling(world.mapping, switches)
    poller = world.started()
    world.accept("H27.37-240219-1001")
    world.accept("H27.38-240219-1001")
    poller.round()
    assert world.told() == ["H27.37-240219-1001/submitted/1", "H27.37-240219-1001/accepted/1"]


class TestAFeeThatComesAsAStatus:
    """`[payments] told_by`: some releases of the source set status 6 for a fee, some insert a row, some do both."""

    FEE = "CASE WHEN h.trang_thai = 6 THEN 500 END"

    def poller(self, world: World, *told_by: str, fee: str = FEE) -> Poller:
        rule = world.mapping.payments.model_copy(update={"told_by": frozenset(told_by)})
        world.mapping = world.mapping.model_copy(update={"payments": rule})
        return started(world, "fee_requested", "financial_obligation", fee_amount=fee)

    def test_it_is_told_with_its_amount_and_not_as_a_due_of_another_kind(self, world: World) -> None:
        poller = self.poller(world, "status")
        world.accept(CODE)
        world.dossiers.request_fee(CODE, 700, at=MORNING)  # rows do not count here
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        poller.round()
        assert world.told() == [f"{CODE}/fee_requested/6-500"]

    def test_it_is_suppressed_when_the_dossier_goes_on_before_it_left(self, world: World) -> None:
        poller = self.poller(world, "status")
        world.accept(CODE)
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        poller.round()
        world.dossiers.move(CODE, 4, at=MORNING + 2 * MINUTE)
        poller.round()
        assert kinds_and_states(world) == [("fee_requested", "suppressed")]

    def test_without_an_amount_it_is_odd(self, world: World) -> None:
        """R19: staff see it, nobody is asked to pay nothing."""
        poller = self.poller(world, "status", fee="0")
        world.accept(CODE)
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        assert poller.round().odd > 0
        assert world.told() == []

    @pytest.mark.parametrize("row_first", [True, False])
    @pytest.mark.parametrize("one_poll", [True, False])
    def test_the_row_and_the_status_of_one_fee_are_told_once(
        self, world: World, *, row_first: bool, one_poll: bool
    ) -> None:
        """Whichever comes first, in one poll or two."""
        poller = self.poller(world, "row", "status")
        world.accept(CODE)
        for row in (row_first, not row_first):
            if row:
                world.dossiers.request_fee(CODE, 500, at=later(world))
            else:
                world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
            if not one_poll:
                poller.round()
        poller.round()
        world.dossiers.move(CODE, 6, at=MORNING + 2 * MINUTE)
        world.poller().round()
        assert len(world.told()) == 1

    def test_switched_off_it_is_told_in_neither_way(self, world: World) -> None:
        self.poller(world, "row", "status")
        world.mapping = telling(world.mapping, {"fee_requested": False, "accepted": False})
        poller = world.poller()
        world.accept(CODE)
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        world.dossiers.request_fee(CODE, 500, at=later(world))
        poller.round()
        assert world.told() == []

    def test_a_second_row_of_the_same_amount_is_another_fee(self, world: World) -> None:
        poller = self.poller(world, "row", "status")
        world.accept(CODE)
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        poller.round()
        for _ in range(2):
            request = world.dossiers.request_fee(CODE, 500, at=later(world))
            poller.round()
        assert world.told() == [f"{CODE}/fee_requested/6-500", f"{CODE}/fee_requested/{request}"]

    def test_paid_by_its_row_it_is_suppressed_also_where_the_status_told_it(self, world: World) -> None:
        poller = self.poller(world, "row", "status")
        world.accept(CODE)
        world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
        poller.round()
        request = world.dossiers.request_fee(CODE, 500, at=later(world))
        world.dossiers.change_fee(request, "Đã thanh toán", at=later(world))
        poller.round()
        assert kinds_and_states(world) == [("fee_requested", "suppressed")]


def test_a_change_of_everything_at_once_tells_nothing_twice(world: World) -> None:
    """All kinds on: a whole life, polled after every step and once more, gives each event once."""
    world.mapping = telling(world.mapping, EVERYTHING)
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.dossiers.accept(CODE, at=MORNING + MINUTE, appointment=MORNING + WEEK)
    for minute, status in enumerate((4, 5, 4, 6, 4, 8, 4), 2):
        world.dossiers.move(CODE, status, at=MORNING + minute * MINUTE)
        poller.round()
    world.dossiers.finish(CODE, at=MORNING + 20 * MINUTE)
    world.dossiers.hand_over(CODE, MORNING + 30 * MINUTE)
    for again in (poller, world.poller(), replace(world).poller()):
        again.round()
    assert sorted(world.kinds()) == sorted(
        [
            *("submitted", "accepted", "supplement_required", "financial_obligation", "stopped", "resumed"),
            *("result_ready", "returned"),
        ]
    )
