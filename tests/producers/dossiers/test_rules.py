"""From a change in the dossier database to notices in the ledger: R1, R4, R6, R11, R12, R15, R19, R39, R40."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import make_url

from domain.event import Event
from producers.dossiers.record import record
from producers.dossiers.seen import Seen
from tests.producers.dossiers.conftest import MORNING, OA, PHONE, World

CODE = "H27.37-240219-1001"
MINUTE = timedelta(minutes=1)
LONG = 3_000_000_000  # đồng, more than 32 bits hold


def test_r1_a_life_gives_three_notices_and_nothing_else(world: World) -> None:
    """R1: accepted, fee requested, result ready; the steps between and the hand-over are told to nobody."""
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    poller.round()
    assert world.told() == []
    world.dossiers.accept(CODE, at=MORNING, appointment=MORNING + timedelta(days=7))
    poller.round()
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    fee = world.dossiers.request_fee(CODE, 1_000_000, at=MORNING + 7 * MINUTE)
    poller.round()
    world.dossiers.finish(CODE, at=MORNING + 32 * MINUTE)
    poller.round()
    world.dossiers.hand_over(CODE, MORNING + 60 * MINUTE)
    poller.round()
    assert world.told() == [f"{CODE}/accepted/1", f"{CODE}/fee_requested/{fee}", f"{CODE}/result_ready/1"]
    assert [row.facts for row in world.rows("SELECT facts FROM notices ORDER BY event_at")] == [
        {"appointment_at": "2024-02-26T02:09:00+00:00"},
        {"amount": 1_000_000},
        {},
    ]


def test_r11_a_whole_life_found_in_one_poll_is_in_the_order_of_events(world: World) -> None:
    """R11: the fee came before the acceptance here, and the ledger keeps that order; only the first is due."""
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.dossiers.request_fee(CODE, 500, at=MORNING + MINUTE)
    world.dossiers.accept(CODE, at=MORNING + 2 * MINUTE, appointment=None)
    world.dossiers.finish(CODE, at=MORNING + 3 * MINUTE)
    poller.round()
    assert world.kinds() == ["fee_requested", "accepted", "result_ready"]
    assert [row.state for row in world.rows("SELECT state FROM notices ORDER BY event_at")] == [
        "due",
        "waiting",
        "waiting",
    ]


def test_r1_accepted_is_told_where_the_status_2_was_skipped(world: World) -> None:
    """2 → 4 is automatic and fast in some systems: 4 with a time of acceptance implies it."""
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.sql("UPDATE ho_so SET ngay_tiep_nhan = :at", at=MORNING)
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["accepted"]


def test_r39_the_result_is_told_at_10_where_9_was_skipped(world: World) -> None:
    """A dossier that is handed over without 9 has its result all the same."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.hand_over(CODE, MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["accepted", "result_ready"]


@pytest.mark.parametrize("kind", ["Trả lại/Xin rút", "Xin lỗi", "Bổ sung"])
def test_r39_a_returned_dossier_is_never_told_as_done(world: World, kind: str) -> None:
    """R39: 9 and 10 with these words are no result."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.finish(CODE, at=MORNING + MINUTE, kind=kind)
    world.dossiers.hand_over(CODE, MORNING + 2 * MINUTE)
    poller.round()
    assert world.kinds() == ["accepted"]


def test_r40_going_back_and_forth_is_told_once(world: World) -> None:
    """R40: 9 → 4 → 9 → 10 → 9 is one result."""
    poller = world.started()
    world.accept(CODE)
    for step, status in enumerate((9, 4, 9, 10, 9)):
        world.dossiers.move(CODE, status, at=MORNING + step * MINUTE)
        poller.round()
    assert world.kinds() == ["accepted", "result_ready"]


@pytest.mark.parametrize("channel", [1, 3])
def test_r4_dossiers_of_other_channels_are_told_to_nobody(world: World, channel: int) -> None:
    """R4: in person and by post are off by default."""
    poller = world.started()
    world.accept(CODE, channel=channel)
    world.dossiers.request_fee(CODE, 1000, at=MORNING)
    poller.round()
    assert world.told() == []


def test_r4_a_deleted_dossier_is_told_to_nobody(world: World) -> None:
    """Deletion is a flag in the source."""
    poller = world.started()
    world.accept(CODE)
    world.sql("UPDATE ho_so SET da_xoa = true")
    poller.round()
    assert world.told() == []


def test_r6_the_submitter_is_told_and_not_the_owner(world: World) -> None:
    """R6: with different phones only the submitter's becomes a person; a company's dossier is like any other (R5)."""
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.sql("UPDATE ho_so SET so_dien_thoai_chu_ho_so = '0912345678', loai_doi_tuong = 2")
    world.dossiers.accept(CODE, at=MORNING, appointment=None)
    poller.round()
    with world.ledger.begin() as tx:
        submitter = world.people.ids(tx, OA, ["+84978362918"])["+84978362918"]
    assert [row.id for row in world.rows("SELECT id FROM people")] == [submitter]
    assert [row.person_id for row in world.rows("SELECT person_id FROM notices")] == [submitter]


@pytest.mark.parametrize(
    ("phone", "why"),
    [
        (None, "no phone number"),
        ("không có", "no phone number"),
        ("02393855555", "landline"),
        ("19000368", "service number"),
        ("097836291", "invalid phone number"),
    ],
)
def test_r9_a_dossier_without_a_usable_phone_is_recorded_with_the_reason(
    world: World, phone: str | None, why: str
) -> None:
    """R9: nobody can be told, and an operator sees it."""
    poller = world.started()
    world.accept(CODE, phone=phone)
    poller.round()
    assert [tuple(row) for row in world.rows("SELECT person_id, no_person_because FROM notices")] == [(None, why)]


def test_r12_several_requests_of_one_dossier_are_told_each(world: World) -> None:
    """R12: the key is the request, and the amount may be above 32 bits (R19)."""
    poller = world.started()
    world.accept(CODE)
    first = world.dossiers.request_fee(CODE, 500, at=MORNING + MINUTE)
    second = world.dossiers.request_fee(CODE, LONG, at=MORNING + 2 * MINUTE)
    poller.round()
    assert world.told()[1:] == [f"{CODE}/fee_requested/{first}", f"{CODE}/fee_requested/{second}"]
    assert world.rows("SELECT facts FROM notices ORDER BY event_at")[-1].facts == {"amount": LONG}


@pytest.mark.parametrize("state", ["Đã thanh toán", "Hủy thanh toán", "Đã hoàn phí"])
def test_r12_a_request_that_is_settled_before_it_left_is_suppressed(world: World, state: str) -> None:
    """R12: found by its change time, since its id is long behind us; a later notice may go."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    request = world.dossiers.request_fee(
        CODE, 500, at=datetime.now(UTC).astimezone(world.mapping.zone).replace(tzinfo=None)
    )
    poller.round()
    changed = datetime.now(UTC).astimezone(world.mapping.zone).replace(tzinfo=None)
    world.dossiers.change_fee(request, state, at=changed)
    assert poller.round().retracted == 1
    assert [row.state for row in world.rows("SELECT state FROM notices WHERE kind = 'fee_requested'")] == ["suppressed"]


def test_r12_a_request_that_is_not_due_yet_is_told_when_it_is(world: World) -> None:
    """'Chưa thanh toán' is told to nobody until it becomes 'Chờ thanh toán'."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=MORNING, state="Chưa thanh toán")
    poller.round()
    assert world.kinds() == ["accepted"]
    changed = datetime.now(UTC).astimezone(world.mapping.zone).replace(tzinfo=None)
    world.dossiers.change_fee(request, "Chờ thanh toán", at=changed)
    poller.round()
    assert sorted(world.kinds()) == ["accepted", "fee_requested"]


def test_r12_an_exempt_person_is_asked_for_nothing(world: World) -> None:
    """The way of payment says so, whatever the state."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    world.sql("UPDATE yeu_cau_thanh_toan SET hinh_thuc_thu = 'Đối tượng miễn phí'")
    poller.round()
    assert world.kinds() == ["accepted"]


def test_r19_a_fee_of_nothing_is_odd_and_not_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """R19: an alert instead of a message, with the row's id."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 0, at=MORNING)
    assert poller.round().odd > 0
    assert world.kinds() == ["accepted"]
    assert f"odd row feed=payments row={request}" in caplog.text


def test_r2_the_database_changes_and_the_bell_rings_by_itself(world: World) -> None:
    """R2: nobody on the staff does anything."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    assert (world.kinds(), world.rung) == (["accepted"], 1)


def test_r13_the_round_that_sees_an_event_makes_it_due_at_once(world: World) -> None:
    """R13: no time is lost between the poll and the worker; how long the whole takes is measured by the benchmarks."""
    poller = world.started()
    world.accept(CODE)
    poller.round()
    [notice] = world.rows("SELECT state, due_at <= now() AS now FROM notices")
    assert tuple(notice) == ("due", True)


def test_r14_what_was_there_before_the_first_start_is_told_to_nobody(world: World) -> None:
    """R14: of every kind that is on; what happens to the same dossier afterwards is news."""
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    poller = world.started()
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.round()
    assert world.told() == []
    world.dossiers.finish(CODE, at=MORNING + 2 * MINUTE)
    poller.round()
    assert world.kinds() == ["result_ready"]


def test_r3_an_account_that_may_only_read_suffices(world: World, role: Callable[[str], str]) -> None:
    """R3: every feed and the first start, with SELECT and nothing else."""
    url = role(world.url)
    world.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {make_url(url).username}")
    reading = replace(world, url=url)
    poller = reading.started()
    world.accept(CODE)
    poller.round()
    assert world.kinds() == ["accepted"]
    for source in reading.sources:
        source.close()


def test_r5_a_company_is_told_like_a_citizen(world: World) -> None:
    """R5: whoever the owner is, the submitter's phone is told."""
    poller = world.started()
    for number, sort in enumerate((1, 2, 3, 4)):
        world.accept(f"{CODE}{number}")
        world.sql("UPDATE ho_so SET loai_doi_tuong = :sort WHERE ma_ho_so = :code", sort=sort, code=f"{CODE}{number}")
    poller.round()
    assert world.kinds() == ["accepted"] * 4


def test_r10_what_is_seen_again_is_told_once(world: World) -> None:
    """R10: all rows touched, all cursors back at the beginning, another process: no second notice."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    world.dossiers.finish(CODE, at=MORNING + MINUTE)
    poller.round()
    told = world.told()
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE cursors SET position = position || '{\"after\": 0}' WHERE feed <> 'payment_changes'")
    world.sql("UPDATE ho_so SET cap_nhat_luc = cap_nhat_luc + interval '1 second'")
    assert world.poller().round().recorded == 0
    assert world.told() == told


def test_r11_a_fee_may_come_before_the_acceptance(world: World) -> None:
    """R11: 'Thu trước': paid first, accepted then; each is told when it happens."""
    poller = world.started()
    world.dossiers.file(CODE, phone=PHONE, at=MORNING)
    world.dossiers.request_fee(CODE, 500, at=MORNING + MINUTE)
    poller.round()
    assert world.kinds() == ["fee_requested"]
    world.dossiers.accept(CODE, at=MORNING + 2 * MINUTE, appointment=None)
    poller.round()
    assert world.kinds() == ["fee_requested", "accepted"]


def test_r12_a_fee_that_is_asked_for_again_is_told_after_all(world: World) -> None:
    """R12: cancelled before it left, and asked for again under the same row a while later: told once, in the end."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    world.dossiers.change_fee(request, "Hủy thanh toán", at=now_there(world))
    poller.round()
    assert fee_states(world) == ["suppressed"]
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET withdrawn_at = withdrawn_at - interval '2 minutes'")
    world.dossiers.change_fee(request, "Chờ thanh toán", at=now_there(world))
    poller.round()
    assert fee_states(world) == ["waiting"]  # behind the acceptance, which is due


def test_r12_an_old_reading_does_not_bring_back_a_fee_that_was_paid(world: World) -> None:
    """R12: a slower poll read 'requested' before the payment, and records it after the withdrawal: money."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    world.dossiers.change_fee(request, "Đã thanh toán", at=now_there(world))
    poller.round()
    event = Event(CODE, "fee_requested", str(request), world.now, PHONE, amount=500)
    with world.ledger.begin() as tx:
        assert record(tx, OA, world.people, [Seen(event, world.now)]) == 0
    assert fee_states(world) == ["suppressed"]


def test_r12_who_became_exempt_is_asked_for_nothing_any_more(world: World) -> None:
    """R12: the request was recorded, and before it left the person turned out to pay nothing."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    world.sql("UPDATE yeu_cau_thanh_toan SET hinh_thuc_thu = 'Đối tượng miễn phí'")
    world.dossiers.change_fee(request, "Chờ thanh toán", at=now_there(world))
    poller.round()
    assert fee_states(world) == ["suppressed"]


def test_r8_a_fee_that_is_paid_is_not_told_to_who_follows_later(world: World) -> None:
    """R8, R12: only what is still true waits for a follower."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'unreachable'")
    world.dossiers.change_fee(request, "Đã thanh toán", at=now_there(world))
    poller.round()
    assert fee_states(world) == ["suppressed"]


def test_r15_after_an_outage_of_days_one_notice_a_dossier_is_told(world: World) -> None:
    """R15: a whole life happened while nobody polled: the latest state alone is told, and the rest is suppressed."""
    poller = world.started()
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE cursors SET polled_at = polled_at - interval '3 days'")
    begun = (now_there(world) - timedelta(days=2)).replace(microsecond=0)
    world.accept(CODE, at=begun)
    world.dossiers.request_fee(CODE, 500, at=begun + MINUTE)
    world.dossiers.finish(CODE, at=begun + 2 * MINUTE)
    poller.round()
    assert [tuple(row) for row in world.rows("SELECT kind, state FROM notices ORDER BY event_at")] == [
        ("accepted", "suppressed"),
        ("fee_requested", "suppressed"),
        ("result_ready", "due"),
    ]


def test_r39_a_result_that_turns_out_a_return_before_it_left_is_not_told(world: World) -> None:
    """R39: corrected by the office within the minute; corrected back, it is told after all."""
    poller = world.started()
    world.accept(CODE)
    world.dossiers.finish(CODE, at=MORNING + MINUTE)
    poller.round()
    world.dossiers.finish(CODE, at=MORNING + 2 * MINUTE, kind="Trả lại/Xin rút")
    poller.round()
    result = "SELECT state FROM notices WHERE kind = 'result_ready'"
    assert [row.state for row in world.rows(result)] == ["suppressed"]
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET withdrawn_at = withdrawn_at - interval '2 minutes'")
    world.dossiers.finish(CODE, at=MORNING + 3 * MINUTE)
    poller.round()
    assert [row.state for row in world.rows(result)] == ["waiting"]


def test_r40_a_result_of_another_day_is_news_where_the_mapping_says_so(world: World) -> None:
    """R40: recalled and finished again: the same day is the same result, another day another one."""
    rule = world.mapping.result.model_copy(update={"again": "new_day"})
    world.mapping = world.mapping.model_copy(update={"result": rule})
    poller = world.started()
    world.accept(CODE)
    for at in (MORNING, MORNING + MINUTE, MORNING + timedelta(days=3)):
        world.dossiers.finish(CODE, at=at)
        poller.round()
        world.dossiers.move(CODE, 4, at=at + MINUTE)
        poller.round()
    assert world.told() == [
        f"{CODE}/accepted/1",
        f"{CODE}/result_ready/20240219",
        f"{CODE}/result_ready/20240222",
    ]


def now_there(world: World) -> datetime:
    """This moment, as the dossier database's clock shows it."""
    return datetime.now(UTC).astimezone(world.mapping.zone).replace(tzinfo=None)


def fee_states(world: World) -> list[str]:
    """Where the fees' notices are."""
    return [row.state for row in world.rows("SELECT state FROM notices WHERE kind = 'fee_requested' ORDER BY id")]


def test_r15_the_age_of_a_back_dated_event_counts_from_the_last_poll_that_did_not_see_it(world: World) -> None:
    """R15: the row says 2024, yet it cannot be older than the poll before."""
    poller = world.started()
    before = world.now
    world.now += 5 * MINUTE
    world.accept(CODE)
    poller.round()
    [notice] = world.rows("SELECT event_at, fresh_at FROM notices")
    assert notice.event_at == datetime(2024, 2, 19, 2, 9, tzinfo=UTC)
    assert notice.fresh_at == before


def test_r15_after_an_outage_the_age_of_an_event_is_its_own(world: World) -> None:
    """R15: three days without a poll, an event of yesterday: a day old, on whichever page it is found."""
    poller = world.started(page=1)
    world.now += timedelta(days=3)
    yesterday = (world.now - timedelta(days=1)).replace(microsecond=0)
    local = yesterday.astimezone(world.mapping.zone).replace(tzinfo=None)
    for number in range(3):
        world.accept(f"H27.37-240219-{number:04}", at=local)
    poller.round()
    assert {row.fresh_at for row in world.rows("SELECT fresh_at FROM notices")} == {yesterday}


def test_r15_an_event_from_the_future_is_fresh_now(world: World) -> None:
    """R15: a wrong clock in the source gives nobody a longer life."""
    poller = world.started()
    world.accept(CODE, at=datetime(2099, 1, 1))  # noqa: DTZ001 (naive, as in the source)
    poller.round()
    assert [row.fresh_at for row in world.rows("SELECT fresh_at FROM notices")] == [world.now]
