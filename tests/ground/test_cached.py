"""Parts that are made on first use, by whichever thread comes first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from ground.cached import cached_property


def test_threads_that_come_at_once_get_one_part() -> None:
    """Two would be two pools of connections."""
    meet = threading.Barrier(8, timeout=10)
    made = list[object]()

    class Slow:
        @cached_property
        def part(self) -> object:
            made.append(object())
            return made[-1]

    slow = Slow()

    def come(_: int) -> object:
        meet.wait()
        return slow.part

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(come, range(8)))) == 1
    assert len(made) == 1
