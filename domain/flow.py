"""Limit how many calls of one OA are in flight: as many as the server answers without getting slower.

By Little's law a rate needs `rate x latency` calls in flight: seven at Zalo's 4,000 a minute and 0.1 s, hundreds for a
country's flood over a fast line. The latency is not known beforehand, so the window is adapted (AIMD, as in TCP; delay
as the signal is from TCP Vegas). It grows while it is fully used and answers are as fast as ever, shrinks when they get
slower, and is halved when they fail to arrive. Pure except for its own state; times in ms.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST, LEAST = 64, 4  # calls
_SLOWER = 2.0  # times the usual latency …
_OURS_MS = 100.0  # … plus more than our own work between two polls of the wire may add
_FORGET = 1.01  # per round: the usual latency may rise, so that a lasting increase becomes the norm


@dataclass(slots=True)
class Flow:
    """The window of one OA in one process, `most` at most. A round is as many ended calls as the window allows."""

    most: int
    window: int = FIRST
    _usual_ms: float = 0.0
    _answers: int = 0
    _failures: int = 0
    _sum_ms: float = 0.0
    _fastest_ms: float = 0.0
    _fullest: int = 0

    def __post_init__(self) -> None:
        self.window = min(self.window, self.most)

    def landed(self, ms: float, *, answered: bool, flying: int) -> None:
        """Record the end of a call, with the server's answer or without; `flying`: how many were in flight with it."""
        self._fullest = max(self._fullest, flying)
        if answered:
            self._fastest_ms = min(self._fastest_ms, ms) if self._answers else ms
            self._answers += 1
            self._sum_ms += ms
        else:
            self._failures += 1
        if self._answers + self._failures >= self.window:
            self._end_round()

    def _end_round(self) -> None:
        if self._failures > self._answers // 10:  # a single reset is no evidence about the other calls
            self.window = max(LEAST, self.window // 2)
        elif self._answers:
            self._judge(self._sum_ms / self._answers)
        self._answers, self._failures, self._sum_ms, self._fullest = 0, 0, 0.0, 0

    def _judge(self, mean_ms: float) -> None:
        self._usual_ms = min(self._usual_ms * _FORGET, self._fastest_ms) if self._usual_ms else self._fastest_ms
        bearable = _SLOWER * self._usual_ms + _OURS_MS
        if mean_ms > bearable:
            self.window = max(LEAST, round(self.window * max(0.5, bearable / mean_ms)))
        elif self._fullest >= 0.75 * self.window:
            self.window = min(self.most, self.window + max(4, self.window // 4))
