"""What hosts tell each other of their clocks: short-lived, and nothing personal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from worker.queue.clocks import ClockBoard
from worker.queue.connection import QueueDown


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


def test_the_ledgers_time_is_what_was_noted_last(store: Redis) -> None:
    """Flushed, nothing is known, and nobody minds."""
    board = ClockBoard(store)
    assert board.ledger_showed() is None
    moment = datetime(2026, 2, 19, 2, 9, 30, 123456, tzinfo=UTC)
    board.note_ledger(moment + timedelta(days=1))
    board.note_ledger(moment)
    assert board.ledger_showed() == moment
    assert not board.lately_set_back()
    board.note_set_back()
    assert board.lately_set_back()
    assert 0 < store.ttl("hcc:clocks:set_back") <= 60


def test_a_redis_that_is_away_is_said_to_be(nowhere: Redis) -> None:
    """As everywhere in this room."""
    with pytest.raises(QueueDown):
        ClockBoard(nowhere).now()
