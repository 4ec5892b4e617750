"""`hcc demo` as a stranger runs it: no terminal, exact texts, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.journeys.test_main_path import G_ACC, G_DONE, G_FEE

pytestmark = pytest.mark.journey


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, so that a demo of the user's own is not disturbed."""
    rooms = ("config", "producers", "worker", "operators", "sandbox", "templates")
    for room in rooms:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Procfile", tmp_path)
    return tmp_path


def start(checkout: Path) -> subprocess.Popen[str]:
    """Run the demo from that copy, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from operators.cli.main import main; main()", "demo"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_behind(checkout: Path) -> list[str]:
    """Command lines of processes that run in or for this copy."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            here = str((process / "cwd").resolve())
        except OSError:
            continue
        if str(checkout) in command or here.startswith(str(checkout)):
            found.append(command)
    return found


def test_the_demo_shows_the_seed_texts_and_ends_by_itself(checkout: Path) -> None:
    """The three texts byte for byte, status 0, well under 90 s, no process left."""
    began = time.monotonic()
    demo = start(checkout)
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert f"{G_ACC}\n\n{G_FEE}\n\n{G_DONE}\n" in said
    assert "90 tin nhắn" in said
    assert "sent: 90." in said
    assert time.monotonic() - began < 90
    assert left_behind(checkout) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_behind(checkout: Path, number: signal.Signals) -> None:
    """Ctrl-C in the middle ends everything, in order."""
    demo = start(checkout)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("── Zalo"):
            break
    demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert left_behind(checkout) == []
