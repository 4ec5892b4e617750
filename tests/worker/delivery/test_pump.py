"""What the pump promises: a wire that is kept full, OAs that do not wait for each other, answers that are not lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from psycopg2 import OperationalError as DriverError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from coordination.breaker import Allowed
from coordination.connection import PREFIX, QueueDown, open_redis
from domain.flow import FIRST
from domain.lane import Lane
from domain.outcome import Sent
from tests.worker.delivery.conftest import ONE, StillWire, column, record, states, turn_until
from worker.channels.channel import Ready
from worker.delivery import completion, results
from worker.delivery.completion import CompletedAttempt
from worker.delivery.deliver import OutboundBatch, load_batch, ready_channels
from worker.delivery.pump import Pump
from worker.services.bootstrap import Services
from worker.wire.protocol import Call


def of(services: Services) -> Any:
    """Whether a call is this OA's."""
    return lambda call: call.url.startswith(services.settings.zalo_openapi_url)


def test_the_next_batch_leaves_before_the_slowest_of_this_one_has_landed(one: Services) -> None:
    """A wire that waits for its slowest call stands idle for most of the time."""
    record(one, 3 * FIRST)
    wire = StillWire(400)
    wire.lands = lambda _: False
    made = Pump(wire)
    made.ask(one, ONE)
    turn_until(made, lambda: len(wire.started) == FIRST)
    slowest = {wire.started[0].tag}
    wire.lands = lambda call: call.tag not in slowest
    turn_until(made, lambda: len(wire.started) == 3 * FIRST)
    assert slowest <= wire.hanging.keys()
    wire.lands = lambda _: True
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 3 * FIRST}


def test_an_oa_whose_zalo_hangs_keeps_no_other_waiting(one: Services, other: Services) -> None:
    """It holds its own calls and at most as many connections as stay free for the others."""
    record(one, 300)
    record(other, 30)
    wire = StillWire(40)
    wire.lands = of(other)
    made = Pump(wire, shared=True)
    made.ask(one, ONE)
    turn_until(made, lambda: len(wire.hanging) > 1)
    made.ask(other, other.oa)
    turn_until(made, lambda: states(other) == {"sent": 30})
    assert states(one).keys() == {"due", "sending"}
    assert len(wire.hanging) <= 20


def test_a_token_that_is_being_renewed_keeps_only_its_own_oa_waiting(
    one: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zalo's OAuth may take ten seconds to answer."""
    record(one, 5)
    record(other, 5)
    renewed = threading.Event()
    ready = one.channels["zalo_cs"].ready

    def waits(oa: str) -> object:
        renewed.wait(10)
        return ready(oa)

    monkeypatch.setattr(one.channels["zalo_cs"], "ready", waits)
    made = Pump(StillWire(40), shared=True)
    made.ask(one, ONE)
    made.ask(other, other.oa)
    turn_until(made, lambda: states(other) == {"sent": 5})
    assert states(one) == {"due": 5}
    renewed.set()
    turn_until(made, lambda: states(one) == {"sent": 5})


def test_while_the_ledger_is_away_answers_are_kept_and_nothing_more_is_claimed(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Zalo accepted is known, and must not become a doubt because the ledger took a minute to come back."""
    record(one, 2 * FIRST)
    wire = StillWire(FIRST)
    tries = []

    def away(answers: Sequence[CompletedAttempt], **_: object) -> list[OutboundBatch]:
        tries.append(len(answers))
        raise OperationalError("COMMIT", {}, DriverError("gone"))

    made = Pump(wire)
    made.ask(one, ONE)
    monkeypatch.setattr(results, "_AWAY_SECONDS", 0.05)
    monkeypatch.setattr(results, "_CHUNK", FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(results, "complete", away)
        turn_until(made, lambda: len(tries) > 2)
    assert len(wire.started) == FIRST
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 2 * FIRST}
    assert len({call.tag for call in wire.started}) == len(wire.started) == 2 * FIRST


def test_an_answer_that_the_ledger_does_not_take_keeps_no_other_from_it(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept, and written as soon as the ledger takes it."""
    record(one, 10)
    real = completion.complete
    poison: list[int] = []

    def refuses(given: Sequence[CompletedAttempt], *, again: bool = False) -> list[OutboundBatch]:
        poison[:] = poison or [given[3].attempt.notice.id]
        if any(one.attempt.notice.id in poison for one in given):
            raise DataError("UPDATE", {}, DriverError("invalid byte sequence"))
        return real(given, again=again)

    monkeypatch.setattr(results, "_REFUSED_SECONDS", 0.05)
    made = Pump(StillWire(40))
    made.ask(one, ONE)
    with monkeypatch.context() as patch:
        patch.setattr(results, "complete", refuses)
        turn_until(made, lambda: states(one) == {"sent": 9, "sending": 1})
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 10}


def test_an_acceptance_whose_message_id_the_ledger_refuses_is_recorded_without_it(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was sent counts for more than the number by which receipts find it."""
    record(one, 3)
    real = completion.complete

    def refuses(given: Sequence[CompletedAttempt], *, again: bool = False) -> list[OutboundBatch]:
        if any(isinstance(one.attempt.outcome, Sent) and one.attempt.outcome.message_id == "m2" for one in given):
            raise DataError("UPDATE", {}, DriverError("invalid byte sequence"))
        return real(given, again=again)

    monkeypatch.setattr(results, "complete", refuses)
    made = Pump(StillWire(40))
    made.ask(one, ONE)
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 3}
    assert column(one, "SELECT message_id FROM notices ORDER BY id") == ["m1", None, "m3"]


@pytest.mark.parametrize(
    "fault", [PoolTimeout("QueuePool limit reached"), OperationalError("UPDATE", {}, DriverError()), RuntimeError()]
)
def test_accepted_sends_outlive_whatever_the_ledger_raises(
    one: Services, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """A pool without a free connection is no reason to doubt two hundred messages that Zalo has accepted."""
    record(one, 5)
    real, tries = completion.complete, count()

    def fails_twice(given: Sequence[CompletedAttempt], *, again: bool = False) -> list[OutboundBatch]:
        if next(tries) < 2:
            raise fault
        return real(given, again=again)

    monkeypatch.setattr(results, "_AWAY_SECONDS", 0.02)
    monkeypatch.setattr(results, "complete", fails_twice)
    wire = StillWire(40)
    made = Pump(wire)
    made.ask(one, ONE)
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 5}
    assert len(wire.started) == 5


def test_answers_whose_commit_was_not_acknowledged_are_written_once(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger had them, and the connection broke before it could say so."""
    record(one, 5)
    real, tries = completion.complete, count()

    def breaks_after_the_commit(given: Sequence[CompletedAttempt], *, again: bool = False) -> list[OutboundBatch]:
        refused = real(given, again=again)
        if next(tries) == 0:
            raise OperationalError("COMMIT", {}, DriverError())
        return refused

    monkeypatch.setattr(results, "_AWAY_SECONDS", 0.02)
    monkeypatch.setattr(results, "complete", breaks_after_the_commit)
    made = Pump(StillWire(40))
    made.ask(one, ONE)
    turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 5}
    assert column(one, "SELECT count(*) FROM attempts") == [5]
    assert column(one, "SELECT count(*) FROM history WHERE after = 'sent'") == [5]


def test_who_is_asked_to_stop_claims_nothing_more_and_loses_nothing(one: Services) -> None:
    """A worker that ends in order leaves no doubt behind."""
    record(one, 2 * FIRST)
    wire = StillWire(400)
    wire.lands = lambda _: False
    made = Pump(wire)
    made.ask(one, ONE)
    turn_until(made, lambda: len(wire.hanging) == FIRST)
    made.stop()
    wire.lands = lambda _: True
    made.run()
    assert states(one) == {"sent": FIRST, "due": FIRST}


def test_a_pump_with_nothing_to_do_sleeps(one: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """No busy waiting: it turns when somebody asks, and not otherwise."""
    turns = []
    made = Pump(StillWire(40))
    turn = made.turn
    monkeypatch.setattr(made, "turn", lambda: (turns.append(time.monotonic()), turn()))
    thread = threading.Thread(target=made.run)
    thread.start()
    record(one, 1)
    made.ask(one, ONE)
    end = time.monotonic() + 10
    while states(one) != {"sent": 1} and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.1)
    before = len(turns)
    time.sleep(0.5)
    assert states(one) == {"sent": 1}
    assert len(turns) == before
    made.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_help_is_called_where_there_is_more_than_one_batch(one: Services) -> None:
    """Other processes and hosts take part in a flood, and are left in peace otherwise."""
    called: list[int] = []
    made = Pump(StillWire(400))
    record(one, 3)
    made.ask(one, ONE, lambda: called.append(1))
    turn_until(made, lambda: not made.busy)
    assert not called
    record(one, 3 * FIRST, first=3)
    made.ask(one, ONE, lambda: called.append(1))
    turn_until(made, lambda: not made.busy and bool(called))


def test_a_pump_says_whether_it_was_at_that_work_already(one: Services, other: Services) -> None:
    """Then the bell was a call for help, and goes on to somebody else."""
    record(one, 2 * FIRST)
    wire = StillWire(400)
    wire.lands = lambda _: False
    made = Pump(wire)
    assert not made.ask(one, ONE)
    turn_until(made, lambda: len(wire.hanging) == FIRST)
    assert made.ask(one, ONE)
    assert not made.ask(other, other.oa)


def test_what_was_claimed_goes_back_at_once_where_redis_fails_before_it_leaves(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has certainly not left: nobody has to wait for the end of its lease."""
    record(one, 5)
    ready: dict[str, Ready] = ready_channels(one)

    def away(*_: object, **__: object) -> None:
        raise QueueDown("Redis could not take")

    monkeypatch.setattr(one.limiter, "take", away)
    with pytest.raises(QueueDown):
        load_batch(one, Lane.SERVICE, ready, 10)
    assert states(one) == {"due": 5}


def test_permits_that_a_breaker_leaves_unused_are_free_for_others(
    one: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app's limit is shared: an OA whose channel is only tried out does not use up what it may not send."""
    monkeypatch.setattr(one.breaker, "before", lambda _key, _wanted: Allowed(1, 60.0))
    record(one, 10)
    pump = Pump(StillWire(100))
    pump.ask(one, ONE)
    turn_until(pump, lambda: states(one) == {"sent": 1, "due": 9})
    app, own = one.limits(ONE)
    for limit in (app, own):
        assert open_redis(one.settings.redis_url).hget(f"{PREFIX}limit:{limit.key}", "used") == "1"


def test_each_attempt_tells_where_its_time_went(one: Services) -> None:
    """Connect, first byte, total: an operator sees whether the line or Zalo is slow."""
    record(one, 1)
    made = Pump(StillWire(40))
    made.ask(one, ONE)
    turn_until(made, lambda: not made.busy)
    with one.ledger.connect() as connection:
        row = connection.exec_driver_sql("SELECT ms, connect_ms, first_byte_ms FROM attempts").one()
    assert tuple(row) == (50, 1, 49)


def test_two_oas_at_once_share_turns(one: Services, other: Services) -> None:
    """Neither has to wait until the other's backlog is drained."""
    record(one, 200)
    record(other, 200)
    wire = StillWire(40)
    order: list[Call] = wire.started
    made = Pump(wire, shared=True)
    made.ask(one, ONE)
    made.ask(other, other.oa)
    turn_until(made, lambda: not made.busy)
    half = [of(one)(call) for call in order[:200]]
    assert 40 <= sum(half) <= 160  # they come in tens, and who comes next is chance
