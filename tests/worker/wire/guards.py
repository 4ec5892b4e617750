"""A guard as tests of the wires use it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass
class Watch:
    """Tells `told` of what leaves; keeps back what is in `kept`; over when `over` says so."""

    told: Callable[[Sequence[int]], object] = lambda _: None
    kept: Collection[int] = ()
    over: Callable[[], bool] = lambda: False

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        self.told(tags)
        return self.kept

    def is_over(self) -> bool:
        return self.over()
