"""The rate limit: Zalo documents 4,000 requests per minute and App, and that a call above it is not executed."""

from collections import deque

WINDOW_SECONDS = 60.0


class Rate:
    """An exact sliding window. It also records the fullest window of executed calls and of all arrived calls."""

    def __init__(self) -> None:
        self._executed: deque[float] = deque()
        self._arrived: deque[float] = deque()
        self.executed_max = 0
        self.arrived_max = 0
        self.violations = 0

    def admit(self, limit: int, now: float) -> bool:
        """Count one arrival; True if it may be executed. `now` is in seconds of a monotonic clock."""
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
        """How many more calls the window allows, as of the last arrival."""
        return max(0, limit - len(self._executed))


def _slide(window: deque[float], now: float) -> None:
    while window and window[0] <= now - WINDOW_SECONDS:
        window.popleft()
