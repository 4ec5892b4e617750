"""Whatever lies under our keys: each part does its work all the same, at once or by the next sweep, and it is said."""

from __future__ import annotations

import logging
import random
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from redis import Redis

from coordination import bell
from coordination.breaker import Breaker
from coordination.clocks import ClockBoard
from coordination.connection import QueueDown
from coordination.cooldowns import Cooldowns
from coordination.holds import Holds
from coordination.last_seen import LastSeen
from coordination.limits import Limit, Limiter
from coordination.marks import EpochLost, Marks, departure
from coordination.processes import CHILD, Process, ProcessBoard
from coordination.refusals import Refusals
from coordination.schedule import Retry, Schedule
from tests.coordination.poison import poison

OA = "4024926008133882615"
NOW = datetime.now(UTC)
LIMIT = Limit(f"oa:{OA}", 600)
RETRY = Retry(7, NOW + timedelta(hours=1), NOW, "H1/accepted/1", "accepted", None, None, 1)


class _Ringer:
    """Sends nothing, and remembers what it was to send."""

    def __init__(self, sent: list[str]) -> None:
        self._sent = sent

    def producer_or_acquire(self) -> nullcontext[None]:
        return nullcontext()

    def send_task(self, task: str, **_: object) -> None:
        self._sent.append(task)


class House:
    """Every part that keeps something in Redis, used as workers use it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.limiter, self.holds, self.breaker = Limiter(redis), Holds(redis), Breaker(redis)
        self.marks, self.schedule, self.rests = Marks(redis), Schedule(redis), Cooldowns(redis)
        self.clocks, self.seen, self.refusals = ClockBoard(redis), LastSeen(redis, "ledger"), Refusals(redis)
        self.board = ProcessBoard(redis)
        self._lease = 0

    def work(self) -> None:
        """What happens all the time. Raises where a part fails."""
        for step in (self.permit, self.hold, self.break_, self.mark, self.plan, self.tell_the_time):
            step()
        self.rests.over({"poll": 0.05})
        self.seen.read()
        self.seen.write("here")
        self.refusals.all()

    def permit(self) -> None:
        self.limiter.peek([LIMIT], 5)
        self.limiter.take([LIMIT], 1)
        self.limiter.correct(LIMIT, 500)
        self.limiter.late([LIMIT], 0.2)

    def hold(self) -> None:
        self.holds.any()
        self.holds.all()
        self.holds.of(["a", "b"])
        self.holds.hold("a", 0.001, "for a moment")
        self.holds.lift("a")

    def break_(self) -> None:
        self.breaker.state("zalo_cs")
        self.breaker.before("zalo_cs", 1)
        self.breaker.report("zalo_cs", 1, 0)

    def mark(self) -> None:
        epoch = self.marks.epoch()
        self._lease += 1
        lease = f"{epoch}.{self._lease:012}"
        self.marks.begin(lease, epoch)
        self.marks.leave(lease, epoch, [departure(self._lease, f"hash-{self._lease}", None)])
        self.marks.witnesses([f"hash-{self._lease}"])
        assert self.marks.left(lease, epoch) in (None, {self._lease})

    def plan(self) -> None:
        for oa in self.schedule.missing([OA]):
            self.schedule.replace(oa, [RETRY])
        self.schedule.put(OA, [RETRY])
        self.schedule.due(OA, 10)
        self.schedule.page(OA, 0, 10)
        self.schedule.count(OA)
        self.schedule.count_ahead(OA)
        for oa, number in self.schedule.sizes([OA]).items():
            self.schedule.ids(oa, 0, number)

    def tell_the_time(self) -> None:
        self.clocks.publish("host", timedelta())
        self.clocks.hosts()
        self.clocks.note_ledger(datetime.now(UTC))
        self.board.say(Process("host", 11, 10, CHILD))
        self.board.running()

    def sends(self) -> bool:
        """Whether a notice could leave now: permits, no hold, no breaker, and its mark."""
        self.mark()
        granted = self.limiter.peek([LIMIT], 1)
        return (granted.granted == 1 or granted.wait_seconds < 5) and self.breaker.before("zalo_cs", 1).granted == 1


@pytest.mark.parametrize("seed", range(12))
def test_random_poison_stops_nothing(valkey: Redis, seed: int) -> None:
    """After each dose everything works, within two tries: the second is the next bell's."""
    draw, house = random.Random(seed), House(valkey)  # noqa: S311 (the same poison each time)
    valkey.hset("hcc:refused", "a kind", 1)
    house.work()
    doses = []
    for _ in range(60):
        house.holds.hold("b", 0.2, "for a moment")
        doses.append(poison(valkey, draw))
        with suppress(QueueDown, EpochLost):
            house.work()
        try:
            house.work()
        except (QueueDown, EpochLost) as fault:
            pytest.fail(f"{fault} after {doses[-3:]}")
        assert house.sends(), doses[-3:]


def test_a_limit_whose_pace_lies_in_the_next_century_begins_anew(valkey: Redis) -> None:
    limiter = Limiter(valkey)
    limiter.take([LIMIT], 1)
    valkey.hset(f"hcc:limit:{LIMIT.key}", "tat", "4102444800000000")
    assert 0 < limiter.take([LIMIT], 5).wait_seconds < 4


@pytest.mark.parametrize(("late", "until"), [("3600000000", 5), ("100000", 10_000), ("nan", 5), ("-5000000", 5)])
def test_a_window_that_is_too_long_by_what_nobody_measured_is_as_ever(valkey: Redis, late: str, until: float) -> None:
    """No call is later than 20 s, and none makes the window longer for more than three minutes."""
    limiter, state = Limiter(valkey), f"hcc:limit:{LIMIT.key}"
    limiter.take([LIMIT], 1)
    seconds = int(valkey.time()[0]) + until
    valkey.hset(state, mapping={"late": late, "late_until": f"{seconds:.0f}000000"})
    limiter.take([LIMIT], 1)
    assert int(valkey.pttl(state)) <= 2 * 60_300 + 4_000


def test_permits_that_are_counted_and_were_never_granted_are_found(valkey: Redis) -> None:
    """The sum said that the minute is full; its log says otherwise."""
    limiter = Limiter(valkey)
    limiter.take([LIMIT], 1)
    valkey.hset(f"hcc:limit:{LIMIT.key}", "used", LIMIT.per_minute)
    assert limiter.take([LIMIT], 5).wait_seconds < 4
    assert valkey.hget(f"hcc:limit:{LIMIT.key}", "used") == "0"


@pytest.mark.parametrize("value", ["4102444800000000:315360000000000:for ten years", "nobody of ours wrote this"])
def test_a_hold_for_ten_years_holds_nothing_and_the_sweep_says_so(
    valkey: Redis, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    holds = Holds(valkey)
    valkey.hset(holds.key, LIMIT.key, value)
    assert holds.of([LIMIT.key]) == {}
    limiter = Limiter(valkey)
    limiter.take([LIMIT], 1)
    assert limiter.take([LIMIT], 1).wait_seconds < 4
    with caplog.at_level(logging.ERROR):
        assert holds.all() == []
    assert valkey.exists(holds.key) == 0


def test_a_bell_that_was_to_be_pending_for_good_is_rung(
    valkey: Redis, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(bell, "_redis", lambda: valkey)
    monkeypatch.setattr(bell, "unheard", lambda: SimpleNamespace(too_many=lambda *_: False))
    monkeypatch.setattr(bell, "ringer", lambda: _Ringer(sent))
    valkey.set(f"hcc:bell:worker.deliver:{OA}", 1)
    bell.ring(OA)
    bell.ring(OA)
    assert sent == ["worker.deliver"]


def test_a_rest_without_an_end_is_over(valkey: Redis) -> None:
    valkey.set("hcc:rest:poll:1", 1)
    rests = Cooldowns(valkey)
    assert rests.over({"poll:1": 10}) == ["poll:1"]
    assert rests.over({"poll:1": 10}) == []


def test_nothing_leaves_under_a_lease_whose_field_is_gone_and_all_of_it_may_have_left(valkey: Redis) -> None:
    """Two people were told twice: a later mark had begun the field anew, without those of before."""
    marks = Marks(valkey)
    epoch = marks.epoch()
    marks.begin("one", epoch)
    marks.leave("one", epoch, [departure(1, "h1", None)])
    valkey.hdel(f"hcc:marks:{epoch}", "one")
    with pytest.raises(EpochLost):
        marks.leave("one", epoch, [departure(2, "h2", None)])
    assert marks.left("one", epoch) is None


@pytest.mark.parametrize("spoil", ["hcc:marks", "life", "since"])
def test_an_epoch_that_no_lease_can_begin_under_is_left(valkey: Redis, spoil: str) -> None:
    """Its hash is gone or spoilt while its word stands for the rest of the day: nothing would leave until then."""
    marks = Marks(valkey)
    epoch = marks.epoch()
    if spoil == "hcc:marks":
        valkey.delete(f"hcc:marks:{epoch}")
    else:
        valkey.hset(f"hcc:marks:{epoch}", spoil, "4102444800")
    with pytest.raises(EpochLost):
        marks.begin("one", epoch)
    fresh = marks.epoch()
    assert fresh != epoch
    marks.begin("one", fresh)


def test_a_schedule_that_counts_as_made_for_good_is_made_anew(valkey: Redis) -> None:
    schedule = Schedule(valkey)
    schedule.replace(OA, [RETRY])
    assert schedule.missing([OA]) == []
    for mark in ("4102444800", "1", "-1", "for ever", "9" * 40):  # without an expiry, as a hand sets it
        valkey.set(f"hcc:retries:{OA}:built", mark)
        assert schedule.missing([OA]) == [OA]
