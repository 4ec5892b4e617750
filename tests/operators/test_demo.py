"""`hcc demo` as a stranger runs it: no terminal, exact texts, nothing left behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.journeys.test_main_path import G_ACC, G_DONE, G_FEE
from tests.operators.checkouts import left_behind, start

pytestmark = pytest.mark.journey


def test_the_demo_shows_the_seed_texts_and_ends_by_itself(checkout: Path) -> None:
    """The three texts byte for byte, status 0, well under 90 s, no process left."""
    began = time.monotonic()
    demo = start(checkout, "demo")
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert f"{G_ACC}\n\n{G_FEE}\n\n{G_DONE}\n" in said
    assert "90 tin nhắn" in said
    assert "sent: 90." in said
    assert time.monotonic() - began < 90
    assert left_behind(checkout) == []


def test_an_interrupted_demo_leaves_no_process_behind(checkout: Path) -> None:
    """Ctrl-C in the middle ends everything, in order; the other signals do it by the same way as in `hcc up`."""
    demo = start(checkout, "demo")
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("── Zalo"):
            break
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, said
    assert left_behind(checkout) == []


_ONE_IS_REFUSED = """
from sandbox.zalo.client import SandboxZalo
people = SandboxZalo.people
def refusing(zalo, given):
    given = list(given)
    people(zalo, given)
    zalo.fault("error", user_id=given[-1]["user_id"], code=-213)
SandboxZalo.people = refusing
"""


def test_a_demo_that_lacks_a_message_says_which_and_exits_1(checkout: Path) -> None:
    """Zalo refuses one of three citizens: the other messages do not make it a success."""
    demo = start(checkout, "demo", "--dossiers", "3", before=_ONE_IS_REFUSED)
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1, said
    assert "Thiếu 1 tin nhắn" in said
    assert "H27.37-240219-1003 (accepted)" in said
    assert "Tiếp theo:" not in said
    assert "Traceback" not in said
    assert left_behind(checkout) == []


def test_of_two_demos_at_once_the_second_says_that_one_runs(checkout: Path) -> None:
    """It would empty the databases under the first."""
    demo = start(checkout, "demo")
    assert demo.stdout is not None
    assert "Khởi động" in demo.stdout.readline()
    second = start(checkout, "demo")
    said, _ = second.communicate(timeout=60)
    assert (second.returncode, "`hcc demo` đang chạy rồi" in said) == (1, True)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert left_behind(checkout) == []
