"""Marks: after a crash, what may have left is known, and what is not known may have left."""

from __future__ import annotations

import threading

import pytest
from redis import Redis

from worker.queue.connection import QueueDown
from worker.queue.marks import EpochLost, Marks


@pytest.fixture
def marks(valkey: Redis) -> Marks:
    """Marks on the real server: what tells one run of it from another, no stand-in has."""
    return Marks(valkey)


def test_only_what_was_marked_may_have_left(marks: Marks) -> None:
    """The rest of the batch certainly did not."""
    epoch = marks.epoch()
    marks.leave("one", epoch, [1, 2])
    marks.leave("one", epoch, [3])
    marks.leave("other", epoch, [9])
    assert marks.left("one", epoch) == {1, 2, 3}


def test_a_batch_without_marks_did_not_leave_at_all(marks: Marks) -> None:
    """The worker died between its claim and its first call."""
    assert marks.left("one", marks.epoch()) == frozenset()


def test_a_mark_made_twice_is_one(marks: Marks) -> None:
    """As when the answer to the first was lost."""
    epoch = marks.epoch()
    marks.leave("one", epoch, [1])
    marks.leave("one", epoch, [1])
    assert marks.left("one", epoch) == {1}


def test_a_worker_that_only_slept_sends_nothing_more_once_somebody_asked(marks: Marks) -> None:
    """Else it would send what the sweep has given to others meanwhile."""
    epoch = marks.epoch()
    marks.leave("one", epoch, [1])
    assert marks.left("one", epoch) == {1}
    with pytest.raises(EpochLost, match="closed"):
        marks.leave("one", epoch, [2])
    assert marks.left("one", epoch) == {1}


def test_after_a_flush_nothing_more_leaves_and_all_may_have_left(marks: Marks, valkey: Redis) -> None:
    """Whether somebody began a new epoch since or not."""
    epoch = marks.epoch()
    marks.leave("one", epoch, [1])
    valkey.flushall()
    for _ in range(2):
        with pytest.raises(EpochLost, match="gone"):
            marks.leave("one", epoch, [2])
        assert marks.left("one", epoch) is None
        assert marks.epoch() != epoch


def test_the_epoch_stays_while_nothing_happens(marks: Marks, valkey: Redis) -> None:
    """For every worker the same."""
    assert marks.epoch() == marks.epoch() == Marks(valkey).epoch()


def test_workers_that_begin_an_epoch_at_once_begin_the_same(marks: Marks) -> None:
    """Whoever was second takes what the first made."""
    together, epochs = threading.Barrier(8), []

    def begin() -> None:
        together.wait()
        epochs.append(marks.epoch())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(epochs) == 8
    assert len(set(epochs)) == 1


def test_an_epoch_outlives_its_day_for_the_batches_that_began_in_it(marks: Marks, valkey: Redis) -> None:
    """Its successor does not make their marks worthless."""
    epoch = marks.epoch()
    valkey.delete("hcc:epoch")
    assert Marks(valkey).epoch() != epoch
    marks.leave("one", epoch, [1])
    assert marks.left("one", epoch) == {1}


def test_an_epoch_that_is_over_is_not_trusted_for_longer_than_one_refusal(marks: Marks, valkey: Redis) -> None:
    """A flush costs one batch, which goes back, not all that are claimed in the next moment."""
    epoch = marks.epoch()
    valkey.flushdb()
    with pytest.raises(EpochLost, match="gone"):
        marks.leave("one", epoch, [1])
    marks.leave("two", marks.epoch(), [2])


def test_marks_and_their_epoch_end_together(marks: Marks, valkey: Redis) -> None:
    """They are one key, so no mark can expire or be evicted while its epoch still seems whole."""
    epoch = marks.epoch()
    marks.leave("one", epoch, [1])
    assert set(valkey.scan_iter("hcc:*")) == {"hcc:epoch", f"hcc:marks:{epoch}"}
    assert valkey.ttl(f"hcc:marks:{epoch}") > valkey.ttl("hcc:epoch") > 0


def test_a_settled_batch_leaves_nothing_behind(marks: Marks, valkey: Redis) -> None:
    """Memory stays flat."""
    epoch = marks.epoch()
    marks.leave("one", epoch, range(1, 201))
    marks.forget("one", epoch)
    assert list(valkey.hgetall(f"hcc:marks:{epoch}")) == ["since"]


def test_an_epoch_can_be_part_of_a_lease(marks: Marks) -> None:
    """It holds no full stop, at which callers cut."""
    assert marks.epoch().replace("-", "").isalnum()


def test_nothing_leaves_where_redis_is_away(nowhere: Redis) -> None:
    """No mark, no sending."""
    with pytest.raises(QueueDown, match="mark what leaves"):
        Marks(nowhere).leave("one", "epoch", [1])
