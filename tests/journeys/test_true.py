"""True when it leaves, with real processes: facts change while citizens do not follow yet, and while Zalo is down."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from domain.lifecycle import LIVE
from ledger.notices import sweep_queries
from ledger.people.people import Link
from tests.journeys.conftest import MORNING, World, by_person, until

pytestmark = pytest.mark.journey

AMOUNT, DATE, RECALLED, DELETED, PHONE, RIGHT = range(2001, 2007)  # citizens, by what changes; RIGHT has the new phone
LATER = MORNING + timedelta(days=9)


def phone(number: int) -> str:
    return f"0978{number:06}"


def user(number: int) -> str:
    return str(6_142_494_823_000_000_000 + number)


def file_all(world: World) -> dict[int, str]:
    """Five dossiers; one with a fee, one with a result."""
    codes = {number: world.accept(number) for number in (AMOUNT, DATE, RECALLED, DELETED, PHONE)}
    world.dossiers.request_fee(codes[AMOUNT], 500_000, at=MORNING + timedelta(minutes=1))
    world.dossiers.finish(codes[RECALLED], at=MORNING + timedelta(minutes=1))
    return codes


def change_all(world: World, codes: dict[int, str]) -> None:
    """Five kinds of change, by a program that touches neither history nor change times."""
    changes: dict[str, dict[str, object]] = {
        "UPDATE yeu_cau_thanh_toan SET so_tien = 900000 WHERE ma_ho_so = :code": {"code": codes[AMOUNT]},
        "UPDATE ho_so SET ngay_hen_tra = :at WHERE ma_ho_so = :code": {"at": LATER, "code": codes[DATE]},
        "UPDATE ho_so SET trang_thai = 4 WHERE ma_ho_so = :code": {"code": codes[RECALLED]},
        "UPDATE ho_so SET da_xoa = true WHERE ma_ho_so = :code": {"code": codes[DELETED]},
        "UPDATE ho_so SET so_dien_thoai_nguoi_nop = :phone WHERE ma_ho_so = :code": {
            "phone": phone(RIGHT), "code": codes[PHONE]},
    }  # fmt: skip
    with world.dossiers.engine.begin() as tx:
        for sql, values in changes.items():
            assert tx.execute(text(sql), values).rowcount == 1


def is_over(world: World) -> bool:
    return bool(world.states()) and not LIVE & set(world.states().values())


def check(world: World, codes: dict[int, str]) -> None:
    """Ten of ten: who was told was told what the source says; who was not to be told was not."""
    told = by_person(world.zalo.messages())
    everything = "\n".join(one for texts in told.values() for one in texts)
    assert sum("900.000" in one for one in told[user(AMOUNT)]) == 1
    assert "500.000" not in everything
    assert any(shown(LATER) in one for one in told[user(DATE)])
    assert not any(shown(MORNING + timedelta(days=7)) in one for one in told[user(DATE)])
    assert "đã giải quyết xong" not in everything
    assert user(DELETED) not in told
    assert user(PHONE) not in told
    assert any(codes[PHONE] in one for one in told[user(RIGHT)])


def shown(moment: datetime) -> str:
    return f"ngày {moment:%d/%m/%Y}"


def test_who_follows_late_is_told_what_is_true_by_then(world: World) -> None:
    """Up to fourteen days lie between the event and the follow."""
    world.follow(RIGHT)
    world.start("worker", "beat", recheck_seconds="60")
    codes = file_all(world)
    until(lambda: "unreachable" in world.states().values() and not {"due", "sending", "waiting"} &
          set(world.states().values()) and len(world.states()) == 7, "nobody can be told", 90, world)  # fmt: skip
    change_all(world, codes)
    people = [Link(user(number), f"+84{phone(number)[1:]}") for number in codes]
    world.zalo.people([{"user_id": user(number), "phone": f"84{phone(number)[1:]}"} for number in codes])
    with world.services.ledger.begin() as tx:
        reached = world.services.people.link(tx, world.oa, people, source="test")
        tx.execute(text("UPDATE notices SET true_at = true_at - interval '1 day'"))
        sweep_queries.reopen(tx, reached, days=14, by="test")
    until(lambda: user(RIGHT) in by_person(world.zalo.messages()) and is_over(world), "all to be told", 90, world)
    check(world, codes)


def test_what_a_zalo_that_was_down_held_up_is_told_as_it_is_by_then(world: World) -> None:
    """Notices wait, are claimed and given back, are tried again; and the source goes on meanwhile."""
    for number in (AMOUNT, DATE, RECALLED, DELETED, PHONE, RIGHT):
        world.follow(number)
    world.zalo.down()
    world.start("worker", "beat", recheck_seconds="60")
    codes = file_all(world)
    until(lambda: len(world.states()) == 7, "all to be recorded", 90, world)
    change_all(world, codes)
    with world.services.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET true_at = true_at - interval '1 day' WHERE state <> 'sending'"))
    world.zalo.up()
    until(lambda: user(RIGHT) in by_person(world.zalo.messages()) and is_over(world), "all to be told", 90, world)
    check(world, codes)
