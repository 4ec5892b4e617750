"""CPU time by room: what is built in counts for the room that called it."""

from __future__ import annotations

import cProfile
import pstats

import pytest

from benchmarks.profile import by_room, room_of
from domain.money import dong


@pytest.mark.parametrize(
    ("place", "room"),
    [
        (("~", 0, "<method 'socket_action' of 'pycurl.CurlMulti' objects>"), "wire: libcurl"),
        (("/x/worker/wire/curl.py", 62, "start"), "wire: ours"),
        (("/x/site-packages/sqlalchemy/engine/base.py", 1, "execute"), "ledger: SQLAlchemy"),
        (("/x/ledger/notices/claims.py", 9, "lock_due"), "ledger: ours"),
        (("/x/worker/delivery/pump.py", 88, "turn"), "the story: pump, deliver, answers, costs"),
        (("~", 0, "<built-in method builtins.isinstance>"), "elsewhere"),
    ],
)
def test_a_function_works_for_the_room_it_stands_in(place: tuple[str, int, str], room: str) -> None:
    """The first part of its path or name that says so."""
    assert room_of(place) == room


def test_no_second_is_counted_twice_or_lost() -> None:
    """All rooms together are the whole."""
    profile = cProfile.Profile()
    profile.runcall(lambda: [dong(number) for number in range(1, 20_000)])
    stats = pstats.Stats(profile)
    assert sum(seconds for _, seconds in by_room(stats)) == pytest.approx(stats.total_tt, rel=0.01)  # type: ignore[attr-defined]
    assert by_room(stats)[0][0] == "words, times, decisions"
