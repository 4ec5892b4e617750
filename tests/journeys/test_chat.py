"""The chat with real processes: a question and its answer, a stranger's, silence on demand, and a flood."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT
from tests.journeys.conftest import MORNING, World, until
from tests.journeys.test_hooks import Zalo

pytestmark = pytest.mark.journey


@pytest.fixture
def zalo(world: World) -> Zalo:
    """The processes run and the web process listens."""
    told = Zalo(world)
    world.start("worker", "beat", "web")
    told.wait()
    return told


def texts(world: World, user: str) -> list[str]:
    """What the OA told one person, oldest first; the person's own messages stand beside them."""
    told = [message for message in world.zalo.messages() if message["channel"] != "user"]
    return [message["text"] for message in told if message["user_id"] == user]


def waits_for(world: World, user: str, number: int) -> list[str]:
    """Wait until a person has so many texts."""
    until(lambda: len(texts(world, user)) >= number, f"{number} texts", world=world)
    return texts(world, user)


def test_a_question_is_answered_to_its_person_and_dung_means_silence(world: World, zalo: Zalo) -> None:
    """The time line within seconds for the submitter, one answer for all others, silence, and notices again."""
    user, stranger = world.follow(1001), world.follow(1002)
    code = world.accept(1001)
    waits_for(world, user, 1)
    began = time.monotonic()
    zalo.tell("user_send_text", user_id=user, text="tra cứu h27.37 – 240219 – 1001.")
    answer = waits_for(world, user, 2)[1]
    assert time.monotonic() - began < 10
    assert answer == f"Hồ sơ {code}:\n- 9 giờ 9 phút, ngày 19/02/2024: đã tiếp nhận"
    zalo.tell("user_send_text", user_id=stranger, text=code)
    zalo.tell("user_send_text", user_id=stranger, text="H27.37-240219-9999")
    not_yours, unknown = waits_for(world, stranger, 2)
    assert not_yours == unknown
    assert code not in unknown
    zalo.tell("user_send_text", user_id=user, text="DUNG nhan tin")
    assert "Đã dừng gửi thông báo" in waits_for(world, user, 3)[2]
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    key = f"{code}/result_ready/1"
    until(lambda: world.states().get(key) == "suppressed", "the silence", world=world)
    zalo.tell("user_send_text", user_id=user, text="tiếp tục")
    waits_for(world, user, 4)
    world.dossiers.file("H27.37-240219-2001", phone="0978001001", at=MORNING)
    world.dossiers.accept("H27.37-240219-2001", at=MORNING, appointment=MORNING + timedelta(days=7))
    assert "đã tiếp nhận hồ sơ H27.37-240219-2001" in waits_for(world, user, 5)[4]
    assert world.states()[key] == "suppressed"
    assert_nothing_personal_is_logged(world, [user, stranger, "978001001", "h27.37 –"])


def test_twelve_messages_in_a_minute_get_ten_answers(world: World, zalo: Zalo) -> None:
    """The rest is ignored, and counted."""
    user = world.follow(1001)
    for number in range(12):
        zalo.tell("user_send_text", user_id=user, text=f"H27.37-240219-{number:04}")
    waits_for(world, user, 10)
    until(lambda: ignored(world) == 2, "the rest to be counted", world=world)
    until(lambda: set(world.states().values()) == {"sent"}, "all to be sent", world=world)
    assert len(texts(world, user)) == 10


def test_staff_get_the_numbers_of_their_unit(world: World) -> None:
    """Granted by an operator, told by the same story."""
    world.start("worker", "beat")
    clerk, citizen = world.follow(1001), world.follow(1002)
    code = world.accept(1002)
    waits_for(world, citizen, 1)
    hcc(world, "staff", "add", "--unit", "H27.37", "--by", "lan", "--why", "đề nghị của đơn vị", lines=clerk)
    hcc(world, "report", "digest", "--post")
    [told] = waits_for(world, clerk, 1)
    assert "- đã tiếp nhận: 1 (đã gửi 1)" in told
    assert code not in told


def hcc(world: World, *words: str, lines: str = "") -> None:
    """Run a command of the operators'."""
    subprocess.run(
        [str(Path(sys.executable).parent / "hcc"), *words],
        cwd=ROOT, env=os.environ | world.environment, input=lines, text=True, check=True, timeout=60,
    )  # fmt: skip


def ignored(world: World) -> int:
    return int(world.rows("SELECT ignored FROM followers")[0].ignored)


def assert_nothing_personal_is_logged(world: World, personal: list[Any]) -> None:
    logs = "".join(path.read_text() for path in world.logs.glob("*.log"))
    assert [word for word in personal if str(word) in logs] == []
