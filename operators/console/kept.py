"""Answers that many pages show: asked once in a few seconds for all threads of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class KeptAnswers(Generic[T]):
    """Keeps each answer for `seconds`. Threads that miss it at the same moment ask more than once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[str, tuple[float, T]] = {}

    def get(self, key: str, ask: Callable[[], T]) -> T:
        """The answer of this key, asked if it is too old. Raises what `ask` raises."""
        kept = self._kept  # `forget` replaces it: what was asked before a deed is not kept after it
        found = kept.get(key)
        if found is None or time.monotonic() - found[0] > self._seconds:
            found = kept[key] = time.monotonic(), ask()
        return found[1]

    def forget(self) -> None:
        """Ask anew, after a deed."""
        self._kept = {}
