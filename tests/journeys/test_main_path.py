"""The main job with real worker and beat processes: a dossier changes, and its citizen has the message."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.conftest import MORNING, World, by_person, until

pytestmark = pytest.mark.journey

G_ACC = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ H27.37-240219-1001. "
    "Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"
)
G_FEE = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: H27.37-240219-1001.\n"
    "Số tiền: 1.000.000.\n"
    "Vui lòng thanh toán tại địa chỉ: https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx"
    "?mahoso=H27.37-240219-1001"
)
G_DONE = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: H27.37-240219-1001 đã giải quyết xong."


def test_each_of_thirty_followers_gets_exactly_the_three_messages_in_order(world: World) -> None:
    """R1, R2, R11: with worker and beat running and only the database changed, three messages each, and no fourth."""
    citizens = [1001 + number for number in range(30)]
    users = {world.follow(number): number for number in citizens}
    world.start("worker", "beat")
    codes = {number: world.accept(number) for number in citizens}
    world.messages(30)
    for number in citizens:
        world.dossiers.request_fee(codes[number], 1_000_000, at=MORNING + timedelta(minutes=7))
    world.messages(60)
    for number in citizens:
        world.dossiers.finish(codes[number], at=MORNING + timedelta(minutes=32))
    world.messages(90)
    for number in citizens:
        world.dossiers.hand_over(codes[number], MORNING + timedelta(minutes=40))
    newest = 4 * 30  # history rows: filed, accepted, finished, handed over
    until(
        lambda: world.rows("SELECT position FROM cursors WHERE feed = 'history'")[0].position["after"] == newest,
        "the fourth change to be read",
        world=world,
    )
    told = by_person(world.zalo.messages())
    assert set(told) == set(users)
    for user, number in users.items():
        assert told[user] == [text.replace("1001", str(number)) for text in (G_ACC, G_FEE, G_DONE)]
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)


def test_what_happened_at_once_goes_out_in_the_order_of_the_events(world: World) -> None:
    """R11: acceptance, fee and result found in one poll are told in their order."""
    user = world.follow(1001)
    code = world.accept(1001)
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    world.dossiers.request_fee(code, 1_000_000, at=MORNING + timedelta(minutes=7))
    world.start("worker", "beat")
    world.messages(3)
    assert by_person(world.zalo.messages())[user] == [G_ACC, G_FEE, G_DONE]


def test_two_beats_and_two_workers_do_no_harm(world: World) -> None:
    """R10: everything is rung twice and polled twice, and still told once."""
    for number in range(40):
        world.follow(number)
    world.start("worker", "beat")
    twins = world.start()
    twins.start("worker2", "celery -A worker.app worker -n second@%h --loglevel INFO")
    twins.start("beat2", "celery -A worker.app beat --loglevel INFO")
    for number in range(40):
        world.accept(number)
    world.messages(40)
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert all(len(texts) == 1 for texts in by_person(world.zalo.messages()).values())


def test_a_late_follower_gets_the_latest_notice_that_was_held(world: World) -> None:
    """R8: who does not follow is unreachable, said so, and gets the latest state when they follow in time."""
    code = world.accept(1001)
    world.start("worker", "beat")
    until(lambda: world.states() == {f"{code}/accepted/1": "unreachable"}, "the notice to be held", world=world)
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    until(lambda: world.states().get(f"{code}/result_ready/1") == "unreachable", "the second", world=world)
    world.zalo.people([{"user_id": world_user(1001), "phone": "84978001001"}])
    world.start().start("link", f"hcc follower link {world_user(1001)} 0978001001")
    assert [message["text"] for message in world.messages(1)] == [G_DONE]


def test_an_access_token_that_expires_in_the_run_is_renewed_once(world: World) -> None:
    """R41: a refused token is renewed by one process and every notice still arrives, once."""
    for number in range(20):
        world.follow(number)
    world.start("worker", "beat")
    world.zalo.expire_tokens()
    for number in range(20):
        world.accept(number)
    assert len(world.messages(20)) == 20
    assert world.rows("SELECT version, dead_because FROM credentials") == [(2, None)]


def world_user(number: int) -> str:
    """The user id that `World.follow` gives citizen `number`."""
    return str(6_142_494_823_000_000_000 + number)
