"""Alive is not able: workers that do nothing are told to a person, and so is the end of it, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from config.settings import ROOT
from tests.chaos.world import free_port
from tests.journeys.conftest import World, until
from tests.operators.test_alarms import MailServer, post

__all__ = ["post"]
pytestmark = pytest.mark.journey

PATIENCE = 60.0


def ready(port: int) -> tuple[int, str]:
    """What `/readyz` says; 0 where nobody listens yet."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
    except requests.ConnectionError:
        return 0, ""
    return answer.status_code, answer.text


def doctor(world: World) -> tuple[int, str]:
    """`hcc doctor` in a process of its own."""
    command = [str(Path(sys.executable).parent / "hcc"), "doctor"]
    environment = os.environ | world.environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def test_workers_that_stand_still_are_told_to_a_person_and_so_is_that_they_go_on(
    world: World, post: MailServer
) -> None:
    port = free_port()
    world.environment |= {
        "PORT": str(port),
        "HCC_STUCK_SECONDS": "3",
        "HCC_ALARM_MAIL": "truc@hatinh.gov.vn",
        "HCC_MAIL_URL": post.url,
    }
    world.start("beat", "web")
    [worker] = world.start("worker").pids()
    world.follow(1)
    world.accept(1)
    world.messages(1)
    until(lambda: ready(port)[0] == 200, "the deployment to be ready", PATIENCE, world)
    os.killpg(worker, signal.SIGSTOP)
    world.follow(2)
    world.accept(2)
    until(lambda: "stuck feed" in ready(port)[1], "readiness to name what is stuck", PATIENCE, world)
    assert ready(port)[0] == 503
    until(lambda: len(post.mails) > 0, "a mail", PATIENCE, world)
    assert "chưa đọc được đến cuối" in post.mails[0].get_content()
    status, said = doctor(world)
    assert status == 1
    assert "lâu chưa đọc đến cuối" in said
    os.killpg(worker, signal.SIGCONT)
    world.messages(2, seconds=PATIENCE)
    until(lambda: ready(port)[0] == 200, "the deployment to be ready again", PATIENCE, world)
    until(lambda: any("Đã hết" in mail["Subject"] for mail in post.mails), "the end of the alarm", PATIENCE, world)
