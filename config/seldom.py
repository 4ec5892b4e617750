"""One line a kind and a while: who floods us must not fill the disk."""

from __future__ import annotations

import time
from collections import Counter

_KINDS = 100  # of more than so many kinds none is told apart any more


class Seldom:
    """Says when something may be said again, and how often it was not said meanwhile."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}  # kind → when (monotonic)
        self._unsaid: Counter[str] = Counter()

    def may(self, kind: str) -> int:
        """How often something of this kind came since it was said last, this time included; 0: not to be said now."""
        kind = kind if kind in self._said or len(self._said) < _KINDS else "others"
        self._unsaid[kind] += 1
        now = time.monotonic()
        if now - self._said.get(kind, -self._seconds) < self._seconds:
            return 0
        self._said[kind] = now
        return self._unsaid.pop(kind)
