"""Runs the processes of the Procfile, each in a process group of its own, and ends them by process id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from honcho.environ import parse_procfile

from config.settings import INSTALLED, ROOT

_PATIENCE = 15.0  # seconds from SIGTERM to SIGKILL


def procfile() -> dict[str, str]:
    """Process name → command line."""
    file = INSTALLED / "Procfile"
    if not file.is_file():  # the wheel installs it as a data file
        file = Path(sys.prefix) / "share" / "hcc-notify" / "Procfile"
    return dict(parse_procfile(file.read_text()).processes)


def launch(command: str, environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a command line in a session of its own, with its output in the log."""
    return subprocess.Popen(  # noqa: S602 (the command is our own Procfile's line, written for a shell)
        f"exec {command}",
        shell=True,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


class Processes:
    """Some processes of the Procfile, each with its own log file; none outlives the `with` block."""

    def __init__(self, names: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
        self._names = names
        self._environment = {**os.environ, **environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        commands = procfile()
        for name in self._names:
            self.start(name, commands[name])
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        for process in self._running.values():
            _end(process)

    def start(self, name: str, command: str) -> subprocess.Popen[bytes]:
        """Start one more process under `name`."""
        with self.log(name).open("ab") as log:
            process = launch(command, self._environment, log)
        self._running[name] = process
        return process

    def pids(self) -> list[int]:
        """The process ids of the started processes that still run."""
        return [process.pid for process in self._running.values() if process.poll() is None]

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self._logs / f"{name}.log"

    def ended(self) -> dict[str, int]:
        """The processes that have ended, with their exit codes."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.kill(process.pid, number)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children that a process did not end itself
        process.wait()
