"""What hosts tell each other of their clocks: short-lived, and nothing personal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from coordination.clocks import ClockBoard, ClockSetBack
from coordination.connection import QueueDown


def test_each_host_is_told_with_how_far_it_is_ahead(store: Redis) -> None:
    """The newest word of a host counts."""
    board = ClockBoard(store)
    board.publish("b", timedelta(seconds=9))
    board.publish("a", timedelta(seconds=-180))
    board.publish("b", timedelta(seconds=8))
    assert board.hosts() == {"a": timedelta(seconds=-180), "b": timedelta(seconds=8)}


def test_a_host_that_has_been_silent_for_two_minutes_is_thrown_away(store: Redis) -> None:
    """Its worker ended; nobody wants to hear of it for ever. So is one of a time to come: Redis' clock was set back."""
    board = ClockBoard(store)
    board.publish("here", timedelta())
    now = board.now().timestamp()
    for host, ago in (("gone", 121), ("late", 90), ("ahead", -121)):
        store.hset("hcc:clocks", host, json.dumps([3.0, now - ago]))
    assert sorted(board.hosts()) == ["here", "late"]
    assert sorted(store.hkeys("hcc:clocks")) == ["here", "late"]


def test_a_ledgers_clock_that_was_set_back_is_known_for_a_moment(store: Redis) -> None:
    """To whoever notes it next; flushed, nothing is known, and nobody minds."""
    board, moment = ClockBoard(store), datetime(2026, 2, 19, 2, 9, 30, 123456, tzinfo=UTC)
    assert board.note_ledger(moment) is None
    assert board.note_ledger(moment + timedelta(days=1)) is None
    assert board.note_ledger(moment) == ClockSetBack(timedelta(days=1), first=True)
    assert board.note_ledger(moment + timedelta(seconds=5)) == ClockSetBack(timedelta(days=1), first=False)
    assert board.note_ledger(moment + timedelta(seconds=19)) == ClockSetBack(timedelta(days=1), first=False)
    assert board.note_ledger(moment + timedelta(seconds=21)) is None
    assert board.note_ledger(moment + timedelta(seconds=1)) is None, "a slow sweep is no clock set back"


def test_a_redis_that_is_away_is_said_to_be(nowhere: Redis) -> None:
    """As everywhere in this room."""
    with pytest.raises(QueueDown):
        ClockBoard(nowhere).now()


def test_a_clock_that_is_set_back_and_then_forward_is_watched_for_a_moment_after_that(store: Redis) -> None:
    """Else what a process wrote by the first wrong time, after the clock was right again, would wait for that time."""
    board = ClockBoard(store)
    moment = datetime(2026, 3, 2, 9, 9, tzinfo=UTC)
    assert board.note_ledger(moment + timedelta(days=5)) is None
    assert board.note_ledger(moment - timedelta(hours=1)) == ClockSetBack(timedelta(days=5, hours=1), first=True)
    assert board.note_ledger(moment) == ClockSetBack(timedelta(days=5, hours=1), first=False)
    assert board.note_ledger(moment + timedelta(seconds=19)) == ClockSetBack(timedelta(days=5, hours=1), first=False)
    assert board.note_ledger(moment + timedelta(seconds=21)) is None
