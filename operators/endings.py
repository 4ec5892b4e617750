"""How `hcc up` and `hcc demo` begin and end: one of each at a time, and SIGTERM and SIGHUP end them as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sandbox.servers.files import claim, is_claimed


@contextmanager
def alone(lock: Path, told: str) -> Iterator[None]:
    """Hold `lock` while the block runs. Raises `ClickException` with the text `told` if another process holds it.

    It is a kernel lock, so it is released when its holder ends, however that happens. Forked children of the holder
    share it: it is released only when they have ended, too.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = claim(lock, 0)
    if held is None:
        raise click.ClickException(told)
    try:
        yield
    finally:
        os.close(held)


def is_running(lock: Path) -> bool:
    """Whether a process holds this lock by `alone`."""
    return is_claimed(lock)


def end_alike() -> None:
    """Make SIGTERM and a hang-up of the terminal end this process as Ctrl-C does: in order, with nothing left behind.

    Under `nohup` a hang-up stays ignored.
    """
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hung_up)


def _hung_up(*_: object) -> None:
    """Silence output first: each write to the closed terminal would fail and interrupt the orderly end."""
    silence()
    _as_ctrl_c()


def _as_ctrl_c(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def silence() -> None:
    """Discard all further output (standard output and standard error)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it was closed before the program began
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
