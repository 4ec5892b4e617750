"""Delays are counts within bounds, which can be added up."""

from __future__ import annotations

from domain.delays import BOUNDS, added, quantile

NONE = [0] * (len(BOUNDS) + 1)


def test_a_quantile_is_the_bound_below_which_that_share_lies() -> None:
    """Half below 2 s, the rest below a minute."""
    counts = [3, 2, 0, 0, 0, 5, *[0] * (len(BOUNDS) - 5)]
    assert [quantile(counts, share) for share in (0.3, 0.5, 0.95)] == [1, 2, 60]


def test_beyond_the_last_bound_the_last_bound_is_told() -> None:
    """And of nothing there is no quantile."""
    assert quantile([*NONE[:-1], 1], 0.5) == BOUNDS[-1]
    assert quantile(NONE, 0.5) is None


def test_counts_of_minutes_are_counts_of_their_day() -> None:
    """Bound by bound; of nothing, too."""
    assert added([[1, *NONE[1:]], [2, *NONE[1:]]])[0] == 3
    assert added([]) == NONE
