"""Limit log lines to one per kind and interval: a flood must not fill the disk."""

from __future__ import annotations

import time
from collections import Counter

_KINDS = 100  # kinds beyond this number are not distinguished any more


class Seldom:
    """Decides when a kind may be logged again, and counts how often it was suppressed meanwhile."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}  # kind → when (monotonic)
        self._unsaid: Counter[str] = Counter()

    def may(self, kind: str) -> int:
        """How often this kind occurred since it was last logged, including this time; 0: do not log it now."""
        kind = kind if kind in self._said or len(self._said) < _KINDS else "others"
        self._unsaid[kind] += 1
        now = time.monotonic()
        if now - self._said.get(kind, -self._seconds) < self._seconds:
            return 0
        self._said[kind] = now
        return self._unsaid.pop(kind, 0)  # another thread may have been faster
