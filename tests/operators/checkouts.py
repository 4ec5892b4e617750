"""Copies of the project, in which commands run as a stranger runs them; and what they leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from config.settings import ROOT
from sandbox.servers.files import candidate_ports

_ROOMS = (
    "config", "domain", "ledger", "coordination", "ground", "producers", "worker", "operators", "sandbox", "templates",
)  # fmt: skip
_MAIN = "from operators.cli.main import main; main()"


def copy_to(place: Path) -> Path:
    """A copy of what runs, so that an installation of the user's own is not disturbed; what is compiled comes along."""
    for room in _ROOMS:
        shutil.copytree(ROOT / room, place / room)
    shutil.copy(ROOT / "Procfile", place)
    return place


def environment(checkout: Path, **given: str) -> dict[str, str]:
    """No settings of the machine reach the copy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HCC_")}
    return kept | {"PYTHONPATH": str(checkout)} | given


def start(
    checkout: Path, *words: str, stdout: int | IO[str] = subprocess.PIPE, before: str = "", **given: str
) -> subprocess.Popen[str]:
    """Run `hcc WORDS` from a copy, in a session of its own; `before` is run in its process first.

    Each has a port of its own for the console.
    """
    given.setdefault("HCC_CONSOLE_PORT", str(next(candidate_ports(None))))
    return subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{_MAIN}", *words],
        cwd=checkout,
        env=environment(checkout, **given),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
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


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """Send a signal and wait for the end; what it said."""
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    return said
