"""How many calls of one OA may be in flight: as many as the far side answers without getting slower.

By Little's law a rate needs `rate x latency` calls in flight: at Zalo's 4,000 a minute and 0.1 s these are seven, and a
country's flood over a fast line takes hundreds. Nobody knows the latency beforehand, so the window is felt for (AIMD,
as TCP does; the delay as a sign is from TCP Vegas): it grows while it is used to the full and answers come as fast as
ever, shrinks where they get slower, and is halved where they fail to come. Pure but for its memory; times in ms.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST, LEAST = 64, 4  # calls
_SLOWER = 2.0  # times the usual latency …
_OURS_MS = 100.0  # … and more than our own doings between two looks at the wire may add
_FORGET = 1.01  # a round: a latency that is usual by now becomes the measure


@dataclass(slots=True)
class Flow:
    """The window of one OA in one process, `most` at most. A round is as many answers as the window has calls."""

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
        """A call ended, with the far side's answer or without; `flying` is how many were in flight with it."""
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
        if self._failures > self._answers // 10:  # a stray reset says nothing about the rest
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
