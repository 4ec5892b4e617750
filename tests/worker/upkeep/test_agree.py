"""Which readings prove the time: all that can be read must agree, and two always can."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from coordination.connection import open_redis
from tests.worker.upkeep.conftest import LedgersClock
from worker.services import clocks
from worker.services.clocks import TOLERANCE, Readings, SecondClock, agree, apart, proven, read

NOW = datetime(2026, 2, 19, 2, 9, tzinfo=UTC)
NOWHERE = "redis://127.0.0.1:1/0"


def at(ledger: float, host: float, redis: float | None) -> Readings:
    """Readings that are so many minutes off."""
    return Readings(
        NOW + timedelta(minutes=ledger),
        NOW + timedelta(minutes=host),
        None if redis is None else NOW + timedelta(minutes=redis),
    )


@pytest.mark.parametrize(
    ("readings", "proof"),
    [
        (at(0, 0, 0), True),
        (at(3, 0, 0), True),  # clocks may differ by three minutes in a sound deployment
        (at(0, -3, 0), True),
        (at(-2, 0, 2), True),
        (at(-3, 0, 3), False),
        (at(60, 0, 0), False),  # the ledger jumped
        (at(0, 60, 0), False),  # this host is wrong: others do it
        (at(60, 60, 0), False),  # two against one: ledger and host on one machine
        (at(60, 0, 60), False),  # ledger and Redis on one machine
        (at(0, 0, None), True),  # Redis is away: two clocks are left
        (at(60, 0, None), False),
        (at(-60 * 24 * 365, 0, 0), False),
    ],
)
def test_all_clocks_that_can_be_read_must_agree(readings: Readings, proof: bool) -> None:
    """No majority: what agrees may be one machine."""
    assert agree(readings) is proof
    assert (proven(readings) is not None) is proof


def test_what_is_too_old_is_so_by_the_clock_that_is_behind() -> None:
    """By any of them it is."""
    assert proven(at(3, 0, 1)) == NOW
    assert apart(at(3, 0, -1)) == timedelta(minutes=4)
    assert agree(at(3, 0, 0), tolerance=timedelta(minutes=1)) is False


def test_the_three_clocks_of_one_machine_are_read_as_one(ledger: Engine, redis_url: str) -> None:
    """However long the questions take."""
    with ledger.connect() as connection, open_redis(redis_url) as redis:
        readings = read(connection, redis)
    assert readings.redis is not None
    assert apart(readings) < timedelta(seconds=1)


def test_a_slow_answer_does_not_make_a_clock_look_wrong(
    ledger: Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading is of the middle of its question: here the ledger takes eight seconds, by a clock that is right."""
    passed = 0.0

    def slow(_: object) -> datetime:
        nonlocal passed
        passed += 8.0
        return datetime.now(UTC) + timedelta(seconds=4)

    monkeypatch.setattr(clocks, "ledger_now", slow)
    monkeypatch.setattr(clocks.ClockBoard, "now", lambda _: datetime.now(UTC) + timedelta(seconds=8))
    monotonic = clocks.time.monotonic
    monkeypatch.setattr(clocks.time, "monotonic", lambda: monotonic() + passed)
    with ledger.connect() as connection, open_redis(redis_url) as redis:
        readings = read(connection, redis)
    assert apart(readings) < timedelta(seconds=1)


def test_the_clocks_are_said_to_disagree_once_and_once_to_agree_again(
    ledgers_clock: LedgersClock, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at each sweep; and it goes on by itself."""
    caplog.set_level(logging.INFO, "hcc.clocks")
    with open_redis(redis_url) as redis:
        second = SecondClock(redis)
        shown = []
        for ahead in (0, 1, 1, 1, 0, 0):
            ledgers_clock.set_ahead(hours=ahead)
            with ledgers_clock.engine.connect() as connection:
                shown.append(second.now(connection) is not None)
    assert shown == [True, False, False, False, True, True]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "disagree by 3600 s" in caplog.text


def test_without_redis_the_host_is_the_second_clock(ledgers_clock: LedgersClock) -> None:
    """What must end goes on while Redis is away."""
    with open_redis(NOWHERE) as redis, ledgers_clock.engine.connect() as connection:
        second = SecondClock(redis)
        assert second.now(connection) is not None
        ledgers_clock.set_ahead(hours=-1)
        assert second.now(connection) is None


def test_the_tolerance_lets_three_minutes_pass_with_room() -> None:
    """The issue's own number."""
    assert timedelta(minutes=3) < TOLERANCE <= timedelta(minutes=10)
