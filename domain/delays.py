"""Delays as counts within bounds: such counts can be added over minutes, units and days, which a quantile cannot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

BOUNDS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)
"""Seconds: the first count is of delays below the first bound, the last one of those from the last bound on."""


def added(counts: Sequence[Sequence[int]]) -> list[int]:
    """The sum of counts, bound by bound."""
    return [sum(column) for column in zip(*counts, strict=True)] if counts else [0] * (len(BOUNDS) + 1)


def quantile(counts: Sequence[int], share: float) -> int | None:
    """The bound (seconds) below which this share of the delays lies.

    None where there are no delays; the last bound where it lies beyond.
    """
    total = sum(counts)
    if total == 0:
        return None
    reached = next(place for place, number in enumerate(accumulate(counts)) if number >= share * total)
    return BOUNDS[min(reached, len(BOUNDS) - 1)]


def quantiles(counts: Sequence[int]) -> tuple[int | None, int | None, int | None]:
    """The bounds (seconds) below which half, 95 % and 99 % of the delays lie."""
    return quantile(counts, 0.5), quantile(counts, 0.95), quantile(counts, 0.99)
