"""Positions: pure values, no id is jumped over in silence, no time is left before it is quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from producers.dossiers.positions import IdPosition, TimePosition

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
CLOCK = datetime(2026, 1, 31, 15)  # noqa: DTZ001 (what the source's clock shows then)
PATIENCE = timedelta(seconds=600)
OVERLAP = timedelta(seconds=30)


def advance(position: IdPosition, *ids: int, after: float = 0, room: int = 10_000) -> tuple[IdPosition, int]:
    """Advance at `after` seconds past NOW."""
    return position.advance(ids, NOW + timedelta(seconds=after), patience=PATIENCE, room=room)


def test_a_gap_is_remembered_and_forgotten_when_it_fills() -> None:
    """Id 2 is asked for again until it appears."""
    position, given_up = advance(IdPosition(0), 1, 3)
    assert (position, given_up) == (IdPosition(3, {2: NOW}), 0)
    assert advance(position, 2, after=5) == (IdPosition(3, {}), 0)


def test_a_gap_is_given_up_when_patience_ends_and_that_is_counted() -> None:
    """Missed at 0 s: still hoped for at 599 s, given up at 600 s."""
    position, _ = advance(IdPosition(0), 1, 3)
    assert advance(position, after=599) == (position, 0)
    assert advance(position, after=600) == (IdPosition(3, {}), 1)


def test_an_empty_page_changes_nothing() -> None:
    """Nothing new is no gap."""
    assert advance(IdPosition(7)) == (IdPosition(7), 0)


def test_a_huge_hole_costs_no_more_than_the_room_and_is_told() -> None:
    """After a jump from 1 to 10^15 the 5 newest ids are hoped for, and all others are given up at once."""
    position, given_up = advance(IdPosition(1), 10**15, room=5)
    assert sorted(position.missing) == [10**15 - n for n in (5, 4, 3, 2, 1)]
    assert given_up == 10**15 - 2 - 5


def test_positions_survive_the_ledger() -> None:
    """What is stored is what is read."""
    by_id = IdPosition(9, {4: NOW, 7: NOW})
    by_time = TimePosition(CLOCK, 3, NOW, (CLOCK, 2))
    assert IdPosition.of(by_id.stored()) == by_id
    assert TimePosition.of(by_time.stored()) == by_time


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 8)), unique_by=lambda commit: commit[0]), st.data())
def test_every_id_that_commits_in_time_is_read_exactly_once(
    commits: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever the order of commits and the size of pages: nothing is lost, nothing twice, nothing seen is missing."""
    position, read = IdPosition(0), list[int]()
    for tick in range(12):
        visible = sorted(number for number, when in commits if when <= tick)
        new = [number for number in visible if number > position.after][: data.draw(st.integers(1, 9))]
        page = [*(number for number in visible if number in position.missing), *new]
        before = position
        position, given_up = position.advance(page, NOW + timedelta(seconds=tick), patience=PATIENCE, room=10_000)
        read += page
        assert given_up == 0
        assert position.after >= before.after
        assert not set(position.missing) & set(read)
        assert all(gap < position.after for gap in position.missing)
    for _ in commits:  # at most one page of one row for each that is left
        left = [number for number, _ in commits if number > position.after or number in position.missing]
        position, _ = position.advance(left, NOW, patience=PATIENCE, room=10_000)
        read += left
    assert sorted(read) == sorted(number for number, _ in commits)


@given(st.sets(st.integers(1, 300)), st.integers(1, 20))
def test_what_is_missed_is_remembered_or_counted(ids: set[int], room: int) -> None:
    """Gaps never vanish: remembered plus given up is all that was jumped over."""
    position, given_up = IdPosition(0).advance(ids, NOW, patience=PATIENCE, room=room)
    assert len(position.missing) <= room
    assert len(position.missing) + given_up == max(ids, default=0) - len(ids)


def test_a_round_by_time_goes_back_until_nothing_older_can_appear() -> None:
    """Moved at 0 s: a poll at 30 s still looks back, and once one came later than that, the next need not."""
    position = TimePosition(CLOCK, 8, NOW)
    assert position.start(NOW + OVERLAP, OVERLAP) == (CLOCK - OVERLAP, 0)
    assert position.start(NOW + OVERLAP + timedelta(seconds=1), OVERLAP) == (CLOCK, 8)


def test_a_full_page_by_time_is_gone_on_from_and_its_end_goes_back_again() -> None:
    """Within a round the place is exact, even among rows older than what was reached."""
    old = (CLOCK - timedelta(seconds=10), 5)
    reached = TimePosition(CLOCK, 8, NOW).advance(old, full=True, clock=CLOCK, now=NOW)
    assert (reached.at, reached.id, reached.page) == (CLOCK, 8, old)
    assert reached.start(NOW, OVERLAP) == old
    assert reached.advance(None, full=False, clock=CLOCK, now=NOW).page is None


def test_a_row_from_the_future_does_not_blind_the_feed() -> None:
    """The year 9999 in one row: changes of tomorrow are still found."""
    future = datetime(9999, 12, 31)  # noqa: DTZ001
    reached = TimePosition(CLOCK - timedelta(hours=1), 0, NOW).advance((future, 4), full=False, clock=CLOCK, now=NOW)
    assert reached.at == CLOCK
