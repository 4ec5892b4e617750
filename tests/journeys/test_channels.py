"""The same person through each channel, with real worker and beat processes and a real poll."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sandbox.sms import SandboxSms
from tests.journeys.conftest import MORNING, World, until

pytestmark = pytest.mark.journey

LONG_AGO = "2020-01-01"
PAY = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso=<ma_ho_so>"
TEMPLATES: list[dict[str, Any]] = [
    {"template_id": "331", "params": ["ma_ho_so", "ngay_hen_tra"]},
    {
        "template_id": "332",
        "params": ["ma_ho_so", "so_tien"],
        "buttons": [{"type": 1, "title": "Thanh toán", "content": PAY}],
    },
    {"template_id": "333", "params": ["ma_ho_so"]},
]


@pytest.fixture
def gateway() -> Iterator[SandboxSms]:
    """An SMS gateway in a box."""
    with SandboxSms("key", "secret", "HCC") as box:
        yield box


def start(world: World, gateway: SandboxSms, **changes: str) -> None:
    """Worker and beat with every channel switched on."""
    world.zalo.templates(TEMPLATES)
    world.start(
        "worker",
        "beat",
        **{
            "channels": "zalo_cs,zalo_template,zns,sms",
            "zalo_templates": "accepted=331,fee_requested=332,result_ready=333",
            "quiet_hours": "00:00-00:00",
            "sms_url": gateway.url,
            "sms_api_key": "key",
            "sms_secret_key": "secret",
            "sms_brandname": "HCC",
        }
        | changes,
    )


def file(world: World, number: int, *, sms: bool = False) -> str:
    """Citizen `number` files a dossier and it is accepted; returns its code."""
    code = f"H27.37-240219-{number:04}"
    world.dossiers.file(code, phone=f"0978{number:06}", at=MORNING, sms=sms)
    world.dossiers.accept(code, at=MORNING, appointment=MORNING + timedelta(days=7))
    return code


def reached(world: World, code: str) -> str:
    """By which channel the dossier's notices went out, or how they ended."""
    rows = world.rows("SELECT code, state, channel FROM notices")
    return next((f"{row.state} {row.channel}" for row in rows if row.code == code), "")


def test_each_person_is_reached_by_the_channel_that_reaches_them(world: World, gateway: SandboxSms) -> None:
    """Text in the window; template by user id outside it; by phone who does not follow; SMS by flag; else nobody."""
    near, far, stranger, old_phone, nobody = 1, 2, 3, 4, 5
    world.follow(near)
    far_user = world.follow(far)
    world.zalo.people(
        [
            {"user_id": far_user, "phone": f"84978{far:06}", "last_interaction": LONG_AGO},
            {"phone": f"84978{stranger:06}"},
            {"phone": f"84978{old_phone:06}", "no_zalo": True},
            {"phone": f"84978{nobody:06}", "no_zalo": True},
        ]
    )
    start(world, gateway)
    codes = {
        number: file(world, number, sms=number == old_phone) for number in (near, far, stranger, old_phone, nobody)
    }
    wanted = {
        near: "sent zalo_cs",
        far: "sent zalo_template",
        stranger: "sent zns",
        old_phone: "sent sms",
        nobody: "unreachable zns",
    }
    until(lambda: {n: reached(world, code) for n, code in codes.items()} == wanted, "each their channel", world=world)
    by_channel = {message["channel"]: message for message in world.zalo.messages()}
    assert len(world.zalo.messages()) == 3
    assert by_channel["zalo_template"]["template_data"] == {
        "ma_ho_so": codes[far],
        "ngay_hen_tra": "sau 9 giờ 9 phút, ngày 26/02/2024",
    }
    assert by_channel["zns"]["phone"] == f"84978{stranger:06}"
    assert [message["Phone"] for message in gateway.messages] == [f"0978{old_phone:06}"]
    assert world.rows("SELECT reason, code_received FROM notices WHERE state = 'unreachable'") == [
        ("has no Zalo account", -118)
    ]


def test_one_person_goes_through_every_channel_as_their_circumstances_change(world: World, gateway: SandboxSms) -> None:
    """In the window, outside it, after the template was barred by user id, and with a phone that lost its Zalo."""
    user, phone = world.follow(1), "84978000001"
    start(world, gateway)
    code = file(world, 1, sms=True)
    assert [message["channel"] for message in world.messages(1)] == ["zalo_cs"]

    world.zalo.people([{"user_id": user, "phone": phone, "last_interaction": LONG_AGO}])
    world.dossiers.request_fee(code, 1_000_000, at=MORNING + timedelta(minutes=7))
    fee = world.messages(2)[1]
    assert (fee["channel"], fee["template_id"]) == ("zalo_template", "332")
    assert fee["template_data"] == {"ma_ho_so": code, "so_tien": "1.000.000"}

    world.zalo.templates([TEMPLATES[1] | {"by_user_id": False}])
    world.dossiers.request_fee(code, 2_000_000, at=MORNING + timedelta(minutes=8))
    by_phone = world.messages(3)[2]
    assert (by_phone["channel"], by_phone["phone"]) == ("zns", phone)
    assert by_phone["template_data"] == {"ma_ho_so": code, "so_tien": "2.000.000"}

    world.zalo.people([{"user_id": user, "phone": phone, "banned": True, "no_zalo": True}])
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    until(lambda: len(gateway.messages) == 1, "the SMS", world=world)
    assert gateway.messages[0]["Content"].endswith(f"{code} da giai quyet xong.")
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert len(world.zalo.messages()) == 3


def test_a_lost_answer_by_phone_is_never_made_good_by_another_message(world: World, gateway: SandboxSms) -> None:
    """Law 3 with money: the template may be on the phone, so neither it nor an SMS follows."""
    world.zalo.people([{"phone": "84978000001"}])
    world.zalo.fault("reset_after", count=1, path="/message/template")
    start(world, gateway)
    code = file(world, 1, sms=True)
    until(lambda: reached(world, code) == "uncertain zns", "the doubt", world=world)
    other = file(world, 2, sms=True)
    until(lambda: reached(world, other) == "sent sms", "the next citizen", world=world)
    assert len(world.zalo.messages()) == 1
    assert len(gateway.messages) == 1
    assert reached(world, code) == "uncertain zns"


def test_an_sms_goes_only_where_the_form_asks_for_it(world: World, gateway: SandboxSms) -> None:
    """R33: the flag of the dossier comes through the mapping; its default is no."""
    start(world, gateway, channels="zalo_cs,sms")
    asked, silent = file(world, 1, sms=True), file(world, 2)
    until(lambda: reached(world, asked) == "sent sms", "the SMS", world=world)
    until(lambda: reached(world, silent).startswith("unreachable"), "the other to be held", world=world)
    assert len(gateway.messages) == 1
