"""The rate bucket: Zalo documents 4,000 requests a minute per App, and that a call over it is not executed."""

from collections import deque

WINDOW_SECONDS = 60.0


class Rate:
    """An exact sliding window. It also remembers the fullest window, of executed calls and of all that arrived."""

    def __init__(self) -> None:
        self._executed: deque[float] = deque()
        self._arrived: deque[float] = deque()
        self.executed_max = 0
        self.arrived_max = 0
        self.violations = 0

    def admit(self, limit: int, now: float) -> bool:
        """Count one arrival; True if it may be executed. `now` is seconds on a clock that is never moved."""
        _slide(self._executed, now)
        _slide(self._arrived, now)
        self._arrived.append(now)
        self.arrived_max = max(self.arrived_max, len(self._arrived))
        if len(self._executed) >= limit:
            self.violations += 1
            return False
        self._executed.append(now)
        self.executed_max = max(self.executed_max, len(self._executed))
        return True

    def remaining(self, limit: int) -> int:
        """How many more calls the window takes, as of the last arrival."""
        return max(0, limit - len(self._executed))


def _slide(window: deque[float], now: float) -> None:
    while window and window[0] <= now - WINDOW_SECONDS:
        window.popleft()
