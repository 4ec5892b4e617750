"""Starts the enqueueing side of a rival (`enqueue.py`) as a separate process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

_AT_ONCE = 2  # processes: enqueueing is not measured


def enqueue(module: str, given: Mapping[str, str], number: int) -> None:
    """Enqueue a message for each of the first `number` notices."""
    half = -(-number // _AT_ONCE)
    parts = [(first, min(half, number - first)) for first in range(0, number, half)]
    with ThreadPoolExecutor(_AT_ONCE) as hands:
        list(hands.map(lambda part: _run(module, given, "enqueue", *part), parts))


def pace(module: str, given: Mapping[str, str], first: int, number: int, rate: float) -> dict[str, float]:
    """Insert and enqueue `number` notices at a rate; returns each commit time (seconds since 1970), by dossier."""
    committed: dict[str, float] = json.loads(_run(module, given, "pace", first, number, rate))
    return committed


def _run(module: str, given: Mapping[str, str], *words: object) -> bytes:
    return subprocess.run(  # noqa: S603 (our own)
        [sys.executable, "-m", module, *map(str, words)],
        env={**os.environ, **given},
        check=True,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ).stdout
