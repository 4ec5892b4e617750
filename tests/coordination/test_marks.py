"""Marks: after a crash, what may have left is known, and what is not known may have left."""

from __future__ import annotations

import threading

import pytest
from redis import Redis

from coordination.connection import QueueDown
from coordination.marks import EpochLost, Marks, Witness, departure


def leave(marks: Marks, lease: str, epoch: str, *notices: int, known: str | None = None) -> dict[int, Witness]:
    """Mark notices, each with a witness of its own."""
    marks.begin(lease, epoch)
    return marks.leave(lease, epoch, [departure(notice, f"hash-{notice}", known) for notice in notices])


@pytest.fixture
def marks(valkey: Redis) -> Marks:
    """Marks on the real server: what tells one run of it from another, no stand-in has."""
    return Marks(valkey)


def test_only_what_was_marked_may_have_left(marks: Marks) -> None:
    """The rest of the batch certainly did not."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, 1, 2)
    leave(marks, "one", epoch, 3)
    leave(marks, "other", epoch, 9)
    assert marks.left("one", epoch) == {1, 2, 3}


def test_a_batch_without_marks_did_not_leave_at_all(marks: Marks) -> None:
    """The worker died between its claim and its first call."""
    marks.begin("one", marks.epoch())
    marks.begin("one", marks.epoch())  # its answer was lost
    assert marks.left("one", marks.epoch()) == frozenset()


def test_a_lease_whose_marks_are_missing_may_have_left_as_a_whole(marks: Marks, valkey: Redis) -> None:
    """A field of the hash was deleted; or it was forgotten, and a ledger that went back asks for it again."""
    epoch = marks.epoch()
    for lease in ("one", "two"):
        marks.begin(lease, epoch)
        leave(marks, lease, epoch, 1)
    valkey.hdel(f"hcc:marks:{epoch}", "one")
    marks.forget("two", epoch)
    assert marks.left("one", epoch) is None
    assert marks.left("two", epoch) is None


def test_no_lease_begins_under_an_epoch_that_is_gone(marks: Marks, valkey: Redis) -> None:
    """A flush in the moment in which the epoch is trusted."""
    epoch = marks.epoch()
    valkey.flushall()
    with pytest.raises(EpochLost, match="gone"):
        marks.begin("one", epoch)
    marks.begin("one", marks.epoch())


def test_a_mark_made_twice_is_one(marks: Marks) -> None:
    """As when the answer to the first was lost."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, 1)
    leave(marks, "one", epoch, 1)
    assert marks.left("one", epoch) == {1}


def test_a_worker_that_only_slept_sends_nothing_more_once_somebody_asked(marks: Marks) -> None:
    """Else it would send what the sweep has given to others meanwhile."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, 1)
    assert marks.left("one", epoch) == {1}
    with pytest.raises(EpochLost, match="closed"):
        leave(marks, "one", epoch, 2)
    assert marks.left("one", epoch) == {1}


def test_after_a_flush_nothing_more_leaves_and_all_may_have_left(marks: Marks, valkey: Redis) -> None:
    """Whether somebody began a new epoch since or not."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, 1)
    valkey.flushall()
    for _ in range(2):
        with pytest.raises(EpochLost, match="gone"):
            leave(marks, "one", epoch, 2)
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
    leave(marks, "one", epoch, 1)
    assert marks.left("one", epoch) == {1}


def test_an_epoch_that_is_over_is_not_trusted_for_longer_than_one_refusal(marks: Marks, valkey: Redis) -> None:
    """A flush costs one batch, which goes back, not all that are claimed in the next moment."""
    epoch = marks.epoch()
    valkey.flushdb()
    with pytest.raises(EpochLost, match="gone"):
        leave(marks, "one", epoch, 1)
    leave(marks, "two", marks.epoch(), 2)


def test_marks_and_their_epoch_end_together(marks: Marks, valkey: Redis) -> None:
    """They are one key, so no mark can expire or be evicted while its epoch still seems whole."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, 1)
    assert set(valkey.scan_iter("hcc:*")) == {"hcc:epoch", f"hcc:marks:{epoch}", "hcc:witness:now"}
    assert valkey.ttl(f"hcc:marks:{epoch}") > valkey.ttl("hcc:epoch") > 0


def test_a_settled_batch_leaves_nothing_behind(marks: Marks, valkey: Redis) -> None:
    """Memory stays flat."""
    epoch = marks.epoch()
    leave(marks, "one", epoch, *range(1, 201))
    marks.forget("one", epoch)
    assert set(valkey.hgetall(f"hcc:marks:{epoch}")) == {"since", "life"}


def test_an_epoch_can_be_part_of_a_lease(marks: Marks) -> None:
    """It holds no full stop, at which callers cut."""
    assert marks.epoch().replace("-", "").isalnum()


def test_nothing_leaves_where_redis_is_away(nowhere: Redis) -> None:
    """No mark, no sending."""
    with pytest.raises(QueueDown, match="mark what leaves"):
        Marks(nowhere).leave("one", "epoch", [departure(1, "hash-1", None)])


def test_what_a_forgotten_lease_has_marked_must_not_leave_under_another(marks: Marks) -> None:
    """The ledger went back: it knows nothing of the lease that sent it, and gives it to the next one."""
    epoch = marks.epoch()
    assert leave(marks, "lease-of-before", epoch, 1) == {}
    found = leave(marks, "lease-of-now", epoch, 1, 2)
    assert found == {1: Witness("se-of-before", found[1].seconds_ago)}
    assert 0 <= found[1].seconds_ago < 5
    assert marks.left("lease-of-now", epoch) == {2}, "what must not leave is not marked"


def test_a_retry_that_the_ledger_knows_of_leaves(marks: Marks) -> None:
    """The witness bears the tag of the last try, or of the one before where its mark was not certain."""
    epoch = marks.epoch()
    leave(marks, "0000000first", epoch, 1)
    assert leave(marks, "000000second", epoch, 1, known="0000000first") == {}
    assert leave(marks, "0000000third", epoch, 1, known="000000second,000000others") == {}
    assert list(leave(marks, "000000fourth", epoch, 1, known="000000second")) == [1]


def test_a_mark_that_is_made_twice_is_its_own_witness(marks: Marks) -> None:
    """As when the answer to the first was lost."""
    epoch = marks.epoch()
    for _ in range(2):
        assert leave(marks, "lease-of-now", epoch, 1) == {}


def test_witnesses_outlive_their_batch_and_their_epoch(marks: Marks, valkey: Redis) -> None:
    """A ledger that went back is noticed at the next try, however the marks ended."""
    epoch = marks.epoch()
    leave(marks, "lease-of-before", epoch, 1)
    marks.forget("lease-of-before", epoch)
    valkey.delete("hcc:epoch")
    assert list(leave(marks, "lease-of-now", Marks(valkey).epoch(), 1)) == [1]
    valkey.flushall()
    assert leave(marks, "lease-of-now", Marks(valkey).epoch(), 1) == {}, "after a flush it is as if there were none"


def test_witnesses_say_how_long_ago_by_the_servers_own_clock(marks: Marks, valkey: Redis) -> None:
    """A clock beside the ledger's, for what cannot be undone."""
    leave(marks, "lease-of-now", marks.epoch(), 1)
    valkey.hset("hcc:witness:now", "hash-2", f"abc:{int(valkey.time()[0]) - 90}")
    valkey.hset("hcc:witness:now", "hash-3", f"abc:{int(valkey.time()[0]) + 90}")
    one, two, three, four = marks.witnesses(["hash-1", "hash-2", "hash-3", "hash-4"])
    assert one is not None
    assert one.tag == "lease-of-now"[-12:]
    assert two is not None
    assert 89 <= two.seconds_ago <= 92
    assert three == Witness("abc", 0), "a time to come is none"
    assert four is None
    assert marks.witnesses([]) == []


def test_witnesses_make_room_by_halves(marks: Marks, valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by time and by number; the younger half always stays."""
    monkeypatch.setattr("coordination.marks._WITNESSES", 3)
    epoch = marks.epoch()
    for notice in range(1, 12):
        leave(marks, f"lease-number-{notice}", epoch, notice)
    kept = {name for key in ("now", "before") for name in valkey.hgetall(f"hcc:witness:{key}")} - {"since"}
    assert kept <= {f"hash-{notice}" for notice in range(5, 12)}
    assert {"hash-9", "hash-10", "hash-11"} <= kept
    valkey.hset("hcc:witness:now", "since", int(valkey.time()[0]) - 50_000)
    leave(marks, "lease-number-99", epoch, 99)
    assert set(valkey.hgetall("hcc:witness:now")) == {"since", "hash-99"}
    assert all(0 < valkey.ttl(f"hcc:witness:{key}") <= 86_400 for key in ("now", "before"))


def test_nothing_leaves_on_a_server_that_took_over_or_was_left_behind(marks: Marks, valkey: Redis) -> None:
    """Split brain: marks that are written on one master are not seen on the other."""
    epoch = marks.epoch()
    valkey.hset(f"hcc:marks:{epoch}", "life", "the replication id of another master")
    with pytest.raises(EpochLost, match="elsewhere"):
        leave(marks, "one", epoch, 1)


def test_an_epoch_of_the_version_before_has_no_life_and_is_trusted_as_before(marks: Marks, valkey: Redis) -> None:
    """Workers of both versions run on one Redis."""
    epoch = marks.epoch()
    valkey.hdel(f"hcc:marks:{epoch}", "life")
    assert leave(marks, "one", epoch, 1) == {}
