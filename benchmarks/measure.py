"""Computes medians and percentiles, and reads CPU time and memory of processes from the operating system."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

import psutil

_T = TypeVar("_T")


def timed(deed: Callable[[], _T]) -> tuple[float, _T]:
    """Call `deed`; returns the elapsed seconds and its result."""
    began = perf_counter()
    done = deed()
    return perf_counter() - began, done


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0–1) of all does not exceed. Raises `IndexError` for none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """User and system time so far of each process including all its children, by its process id."""
    return {pid: _with_children(pid) for pid in pids}


def memory_bytes(pid: int) -> int:
    """Resident memory of one process."""
    return int(psutil.Process(pid).memory_info().rss)


def memory_of(pid: int) -> list[int]:
    """Proportional memory (bytes; shared memory is divided among its processes) of each child of a process.

    A process without children is measured itself. If the system does not report proportional memory, resident memory
    is used.
    """
    parent = psutil.Process(pid)
    sizes = []
    for process in parent.children(recursive=True) or [parent]:
        with suppress(psutil.NoSuchProcess):
            whole = process.memory_full_info()
            sizes.append(int(getattr(whole, "pss", whole.rss)))
    return sizes


def _with_children(pid: int) -> float:
    seconds = 0.0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system
        times = parent.cpu_times()
        seconds += times.children_user + times.children_system  # of children that have ended
    return seconds
