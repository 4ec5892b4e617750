"""A stranger wants a citizen's messages, with real processes: nothing moves, and the citizen hears of it (R29)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.journeys.conftest import MORNING, World, until
from tests.journeys.test_chat import texts, waits_for
from tests.journeys.test_hooks import Zalo

pytestmark = pytest.mark.journey

PHONE = "84978001007"
STRANGER = "6142494823000009009"
CITIZEN = str(6_142_494_823_000_001_007)


@pytest.fixture
def zalo(world: World) -> Zalo:
    """The processes run as they do by default, and the stranger follows."""
    told = Zalo(world)
    world.zalo.people([{"user_id": STRANGER, "follows": True}])
    world.start("worker", "beat", "web")
    told.wait(90)
    return told


def types_the_number(_: World, zalo: Zalo, __: str) -> None:
    """And asks for the dossiers of it."""
    zalo.tell("user_submit_info", user_id=STRANGER, phone=PHONE)
    zalo.tell("user_send_text", user_id=STRANGER, text="Hồ sơ của tôi")


def guesses_codes(world: World, zalo: Zalo, code: str) -> None:
    """The right one comes fourth, and in lists before."""
    zalo.tell("user_submit_info", user_id=STRANGER, phone=PHONE)
    waits_for(world, STRANGER, 1)
    for guess in (f"H27.37-240219-9001 {code}", "H27.37-240219-9002", "H27.37-240219-9003", code):
        zalo.tell("user_send_text", user_id=STRANGER, text=guess)


def withdraws_after_the_claim(world: World, zalo: Zalo, _: str) -> None:
    """So that the evidence would be erased."""
    zalo.tell("user_submit_info", user_id=STRANGER, phone=PHONE)
    waits_for(world, STRANGER, 1)
    zalo.tell("user_withdraw", user_id=STRANGER)


def knows_a_code_and_is_denied(world: World, zalo: Zalo, code: str) -> None:
    """A neighbour has seen the receipt: the holder's proof is no weaker, and the holder says no."""
    zalo.tell("user_submit_info", user_id=STRANGER, phone=PHONE)
    waits_for(world, CITIZEN, 2)
    zalo.tell("user_send_text", user_id=CITIZEN, text="không")
    until(lambda: denied(world) == 1, "the no to be noted", world=world)
    zalo.tell("user_send_text", user_id=STRANGER, text=code)


def tries_every_number(world: World, zalo: Zalo, _: str) -> None:
    """Phone after phone, the citizen's among the first."""
    for number in range(1007, 1019):
        zalo.tell("user_submit_info", user_id=STRANGER, phone=f"84978{number:06}")
    until(lambda: refused(world) == 9, "nine claims to be refused", world=world)


@pytest.mark.parametrize(
    "attack",
    [types_the_number, guesses_codes, withdraws_after_the_claim, knows_a_code_and_is_denied, tries_every_number],
)
def test_a_takeover_moves_nothing_and_the_holder_hears_of_it(
    world: World, zalo: Zalo, attack: Callable[[World, Zalo, str], None]
) -> None:
    citizen = world.follow(1007)
    code = world.accept(1007)
    told = waits_for(world, citizen, 1)
    attack(world, zalo, code)
    assert "Một người dùng Zalo khác vừa khai số điện thoại" in waits_for(world, citizen, 2)[1]
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    until(lambda: any("đã giải quyết xong" in text for text in texts(world, citizen)), "the result", world=world)
    at_rest(world)
    assert all(code not in text for text in texts(world, STRANGER))
    [row] = world.rows(f"SELECT text FROM notices WHERE event_key = '{code}/accepted/1'")
    assert row.text == told[0], "the evidence stays"
    [row] = world.rows("SELECT f.user_id FROM followers f JOIN people p ON p.id = f.person_id WHERE f.user_id = "
                       f"'{citizen}'")  # fmt: skip
    logs = "".join(path.read_text() for path in world.logs.glob("*.log"))
    assert [word for word in (citizen, STRANGER, PHONE[2:]) if word in logs] == []


def test_a_citizen_shares_the_phone_and_proves_it_with_a_dossiers_code(world: World, zalo: Zalo) -> None:
    """The usual way: held, shared, asked, proven, told; whoever typed the number before hears that it is gone."""
    code = world.accept(1007)
    key = f"{code}/accepted/1"
    until(lambda: world.states().get(key) == "unreachable", "the notice to be held", world=world)
    zalo.tell("user_submit_info", user_id=STRANGER, phone=PHONE)
    assert "cần được xác nhận" in waits_for(world, STRANGER, 1)[0]
    world.zalo.people([{"user_id": CITIZEN, "phone": PHONE}])
    zalo.tell("user_submit_info", user_id=CITIZEN, phone=PHONE)
    assert "cần được xác nhận" in waits_for(world, CITIZEN, 1)[0]
    assert world.states()[key] == "unreachable"
    zalo.tell("user_send_text", user_id=CITIZEN, text=code.lower())
    until(lambda: world.states()[key] == "sent", "the held notice", world=world)
    waits_for(world, CITIZEN, 4)
    moved = f"SELECT FROM notices n JOIN followers f ON f.id = n.follower_id WHERE f.user_id = '{STRANGER}' \
              AND n.kind = 'phone_moved' AND n.state = 'sent'"
    until(lambda: bool(world.rows(moved)), "the stranger to hear of it", world=world)
    assert all(code not in text for text in texts(world, STRANGER))


def test_a_one_time_code_goes_to_the_phone_and_a_clerk_may_confirm(world: World) -> None:
    """With an approved template; the ledger and the logs never have the code."""
    told = Zalo(world)
    world.zalo.people([{"user_id": CITIZEN, "phone": PHONE}, {"user_id": STRANGER, "phone": "84978001002"}])
    world.zalo.templates([{"template_id": "900", "params": ["ma_xac_nhan"]}])
    world.start("worker", "beat", "web", phone_proof="strong", proof_template="900", quiet_hours="00:00-00:00")
    told.wait(90)
    codes = [world.accept(1007), world.accept(1002)]
    until(lambda: list(world.states().values()).count("unreachable") == 2, "both to be held", world=world)
    told.tell("user_submit_info", user_id=CITIZEN, phone=PHONE)
    sent = lambda: [message for message in world.zalo.messages() if message["template_id"] == "900"]  # noqa: E731 (a question asked twice)
    until(lambda: len(sent()) == 1, "the code", world=world)
    assert sent()[0]["phone"] == PHONE
    found = re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", json.dumps(sent()[0].get("template_data") or sent()[0]["text"]))
    assert found is not None
    told.tell("user_send_text", user_id=CITIZEN, text=found[0])
    until(lambda: world.states()[f"{codes[0]}/accepted/1"] == "sent", "the held notice", world=world)
    told.tell("user_submit_info", user_id=STRANGER, phone="84978001002")
    until(lambda: len(sent()) == 2, "the second code", world=world)
    hcc(world, "follower", "confirm", STRANGER, "--by", "lan", "--why", "xem căn cước", lines="0978001002\n")
    until(lambda: world.states()[f"{codes[1]}/accepted/1"] == "sent", "the other held notice", world=world)
    at_rest(world)
    logs = "".join(path.read_text() for path in world.logs.glob("*.log"))
    assert found[0] not in logs
    assert (
        world.rows(f"SELECT FROM notices WHERE text LIKE '%{found[0]}%' OR facts::text LIKE '%\"{found[0]}\"%'") == []
    )


def hcc(world: World, *words: str, lines: str) -> None:
    subprocess.run(
        [str(Path(sys.executable).parent / "hcc"), *words],
        cwd=ROOT, env=os.environ | world.environment, input=lines, text=True, check=True, timeout=60,
    )  # fmt: skip


def at_rest(world: World) -> None:
    busy = {"waiting", "due", "sending"}
    until(lambda: not busy & set(world.states().values()), "all to be at rest", world=world)


def denied(world: World) -> int:
    return len(world.rows("SELECT FROM phone_claims WHERE denied_at IS NOT NULL"))


def refused(world: World) -> int:
    return len(world.rows("SELECT FROM audit WHERE verb = 'phone claim refused'"))
