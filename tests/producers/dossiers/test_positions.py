"""Positions: pure values, no id is jumped over in silence, no time is left before it is quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from producers.dossiers.positions import TICK, IdPosition, TimePosition

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
    by_id = IdPosition(9, {4: NOW, 7: NOW}, {8: NOW})
    by_time = TimePosition(CLOCK, NOW, CLOCK, wide=True)
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


def test_a_row_that_is_ahead_of_its_dossier_is_read_again_until_patience_ends() -> None:
    """Unsettled at 0 s: asked for at 599 s, left alone at 600 s; of too many the newest are kept."""
    position = IdPosition(9).unsettle([7, 8], NOW, patience=PATIENCE, room=10)
    assert position.again == [7, 8]
    later = position.unsettle([8], NOW + timedelta(seconds=599), patience=PATIENCE, room=10)
    assert later.unsettled == {8: NOW}
    assert later.unsettle([8], NOW + PATIENCE, patience=PATIENCE, room=10).again == []
    assert IdPosition(9).unsettle([5, 6, 7], NOW, patience=PATIENCE, room=2).again == [6, 7]


def reach(
    position: TimePosition, *seconds: float, asked: float = 0, full: bool = False, after: float = 0
) -> tuple[TimePosition, bool]:
    """Advance over rows changed at these seconds past CLOCK, asked for from `asked` on, at `after` past NOW."""
    times = [CLOCK + timedelta(seconds=second) for second in seconds]
    now = timedelta(seconds=after)
    return position.advance(times, asked=CLOCK + timedelta(seconds=asked), full=full, clock=CLOCK + now, now=NOW + now)


def test_a_round_by_time_goes_back_until_nothing_older_can_appear() -> None:
    """Moved at 0 s: a poll at 30 s still looks back, and once one came later than that, the next need not."""
    position = TimePosition(CLOCK, NOW)
    assert position.start(NOW + OVERLAP, OVERLAP) == CLOCK - OVERLAP
    assert position.start(NOW + OVERLAP + timedelta(seconds=1), OVERLAP) == CLOCK + TICK


def test_a_full_page_by_time_is_gone_on_from_and_its_end_goes_back_again() -> None:
    """Within a round the place is exact, even among rows older than what was reached."""
    reached, _ = reach(TimePosition(CLOCK, NOW), -20, -10, asked=-30, full=True)
    assert (reached.at, reached.page) == (CLOCK, CLOCK - timedelta(seconds=10))
    assert reached.start(NOW, OVERLAP) == CLOCK - timedelta(seconds=10)
    assert reach(reached, asked=-10)[0].page is None


def test_a_moment_with_more_rows_than_a_page_is_asked_for_wider_and_then_jumped_over() -> None:
    """A nightly job gives a million rows one change time: the feed says so, and leaves them to the reconcile."""
    narrow, jumped = reach(TimePosition(CLOCK, NOW), 0, 0, full=True)
    assert (narrow.page, narrow.wide, jumped) == (CLOCK, True, False)
    beyond, jumped = reach(narrow, 0, 0, full=True)
    assert (beyond.page, beyond.wide, jumped) == (CLOCK + TICK, False, True)
    held, jumped = reach(narrow, 0, 0, 1, full=True, after=5)
    assert (held.page, held.wide, jumped) == (CLOCK + timedelta(seconds=1), False, False)


def test_a_row_from_the_future_does_not_blind_the_feed() -> None:
    """A row of next year: the position stays at the newest change of the past, and changes of tomorrow are found."""
    reached, _ = reach(TimePosition(CLOCK - timedelta(hours=1), NOW), -5, 365 * 86_400)
    assert reached.at == CLOCK - timedelta(seconds=5)


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 7))
def test_every_change_time_is_read_whatever_the_page_and_the_ties(seconds: list[int], page: int) -> None:
    """One round over any rows, many of one moment: all are read but those of a moment that is jumped over and told."""
    rows, position = sorted(seconds), TimePosition(CLOCK - timedelta(seconds=1), NOW)
    read, lost, late = set[int](), set[int](), NOW + timedelta(seconds=100)
    since = position.start(NOW, OVERLAP)
    for _ in range(4 * len(rows) + 4):
        limit = page * (3 if position.wide else 1)
        found = [second for second in rows if CLOCK + timedelta(seconds=second) >= since][:limit]
        read |= set(found)
        before = since
        position, jumped = position.advance(
            [CLOCK + timedelta(seconds=second) for second in found],
            asked=since, full=len(found) >= limit, clock=late.replace(tzinfo=None) + timedelta(hours=7), now=late,
        )  # fmt: skip
        lost |= {(before - CLOCK).seconds} if jumped else set()
        if position.page is None:
            break
        since = position.start(late, OVERLAP)
    assert position.page is None
    assert read == set(rows)
    assert all(rows.count(second) >= 3 * page for second in lost)
    assert position.at == CLOCK + timedelta(seconds=max(rows, default=-1))
