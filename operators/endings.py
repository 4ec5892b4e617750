"""How `hcc up` and `hcc demo` begin and end: one of each at a time, and every polite signal ends them alike."""

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
    """Hold `lock` while the block runs; where another process has it, `told` is what the operator reads.

    The kernel holds it, so it is free when its holder is gone, however that ended. What the holder forked has a part
    in it: it is not free before those are gone, too.
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
    """Whether somebody holds this lock by `alone`."""
    return is_claimed(lock)


def end_alike() -> None:
    """A hang-up of the terminal and SIGTERM end this process as Ctrl-C does: in order, with nothing left behind.

    Under `nohup` a hang-up is nobody's business: who started us said so.
    """
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hung_up)


def _hung_up(*_: object) -> None:
    """A terminal that is gone fails each write, and a failed write would break off the orderly end."""
    silence()
    _as_ctrl_c()


def _as_ctrl_c(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def silence() -> None:
    """What is written from now on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
