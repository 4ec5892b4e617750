"""What the volume guard keeps back: a pure decision over own times and numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.volume_guard import EVER, OFF, GuardVerdict, VolumeGuard, judge

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def times(*days_ago: float) -> list[tuple[str, datetime]]:
    """Events by the days since they happened, in this order."""
    return [(f"{number}", NOW - timedelta(days=days)) for number, days in enumerate(days_ago)]


@pytest.mark.parametrize(
    ("days_ago", "old"),
    [(0, False), (-400, False), (29.9, False), (30, False), (30.1, True), (1100, True)],
)
def test_an_event_is_old_beyond_the_days_of_the_setting_and_not_at_them(days_ago: float, *, old: bool) -> None:
    """An appointment with the clock: the border itself is not old yet; a time to come never is."""
    verdict = judge(VolumeGuard(30, 0), times(days_ago), now=NOW, so_far=0, free_since=None)
    assert bool(verdict.old) is old
    assert verdict.counted == (not old)


def test_what_goes_beyond_the_number_is_kept_and_what_is_old_is_not_counted() -> None:
    """The first ones go, in the order in which they are to be told."""
    verdict = judge(VolumeGuard(30, 3), times(400, 0, 0, 400, 0, 0), now=NOW, so_far=1, free_since=None)
    assert verdict == GuardVerdict(frozenset({"0", "3"}), frozenset({"4", "5"}), 4)


def test_zero_switches_either_off() -> None:
    """0 is no limit, not a limit of nothing."""
    assert judge(OFF, times(4000, *[0] * 50), now=NOW, so_far=10**9, free_since=None).counted == 51
    assert judge(VolumeGuard(0, 1), times(4000, 0), now=NOW, so_far=0, free_since=None).many == {"1"}
    assert judge(VolumeGuard(30, 0), times(4000, 0), now=NOW, so_far=10**9, free_since=None).old == {"0"}


def test_until_the_first_start_is_over_what_lies_after_it_is_neither_judged_nor_counted() -> None:
    """What lies before it is judged all the same."""
    since = NOW - timedelta(days=100)
    verdict = judge(VolumeGuard(30, 1), times(400, 99, 1, 0), now=NOW, so_far=0, free_since=since)
    assert verdict == GuardVerdict(frozenset({"0"}), frozenset(), 0)
    assert judge(VolumeGuard(30, 1), times(4000, 1, 0), now=NOW, so_far=5, free_since=EVER) == GuardVerdict()
