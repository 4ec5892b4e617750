"""The board of processes: who runs says so, who is silent is forgotten, and what is not of ours does no harm."""

from __future__ import annotations

from redis import Redis

from coordination.processes import BEAT, CHILD, Process, ProcessBoard

ONE, TWO = Process("máy 1", 11, 10, CHILD), Process("máy 1", 12, 1, BEAT)


def test_who_said_so_lately_runs(store: Redis) -> None:
    """However often it was said; a host's name may have a space."""
    board = ProcessBoard(store)
    assert board.running() == []
    for process in (ONE, TWO, ONE):
        board.say(process)
    assert sorted(board.running(), key=lambda process: process.pid) == [ONE, TWO]


def test_who_is_silent_for_two_minutes_is_forgotten(store: Redis) -> None:
    """Also where its clock would be ahead; nothing is left of it."""
    board = ProcessBoard(store)
    for process in (ONE, TWO):
        board.say(process)
    [gone] = [field for field in store.hkeys("hcc:processes") if field.startswith(BEAT)]
    for moment in (-121, 130):
        store.hset("hcc:processes", gone, int(store.time()[0]) + moment)
        assert board.running() == [ONE]
        assert store.hlen("hcc:processes") == 1


def test_what_was_written_by_others_is_thrown_away(store: Redis) -> None:
    """A field or a time that is none."""
    board = ProcessBoard(store)
    board.say(ONE)
    now = int(store.time()[0])
    for field, at in {"x": now, "child a b c": now, "king 1 1 h": now, "child 1 1 ": now, "child 1 1 h": "x"}.items():
        store.hset("hcc:processes", field, at)
    assert board.running() == [ONE]
    assert store.hlen("hcc:processes") == 1
