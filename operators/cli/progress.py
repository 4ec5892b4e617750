"""Shows on standard error that a long command is working: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol

from operators.cli.output import say

_SLOW = 10.0  # seconds without a line after which one is printed


class TellProgress(Protocol):
    """Says how far the work is; `total` is None while nobody knows it."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextmanager
def working(task: str, total: int | None = None, done: int = 0) -> Iterator[TellProgress]:
    """Show the progress of a task until the block ends; the block calls the yielded function.

    Elsewhere than on a terminal nothing is printed as long as the task is not slow.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        with _in_lines(task, total) as tell:
            yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True, console=console) as progress:
        bar = progress.add_task(task, total=total, completed=done)

        def update(done: int, total: int | None = None) -> None:
            progress.update(bar, completed=done, total=total)

        yield update


@contextmanager
def _in_lines(task: str, total: int | None) -> Iterator[TellProgress]:
    """A line whenever the task has taken long since the last one, also if the block itself is waiting for an answer."""
    began, over = time.monotonic(), Event()
    so_far = [0, total]

    def print_lines() -> None:
        while not over.wait(_SLOW):
            done, known = so_far
            reached = "" if not done else f" {done}" if known is None else f" {done}/{known}"
            say(f"{task}:{reached} ({time.monotonic() - began:.0f} giây)", err=True)

    def update(done: int, total: int | None = None) -> None:
        so_far[:] = [done, so_far[1] if total is None else total]

    thread = Thread(target=print_lines, name="progress", daemon=True)
    thread.start()
    try:
        yield update
    finally:
        over.set()
        thread.join()
