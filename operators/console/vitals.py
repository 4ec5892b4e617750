"""What the overview and the system page know of an OA, from the ledger and from Redis; asked at most every 2 s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from coordination.breaker import BreakerState
from coordination.connection import QueueDown
from coordination.holds import Hold
from domain.lane import Lane
from domain.lifecycle import State
from ledger.notices import lists
from ledger.notices.lists import Backlog, BoundedCount
from ledger.reports import alarms, spending
from ledger.reports.alarms import Alarm
from ledger.reports.spending import Spent
from ledger.source import cursors, oddities, sources
from ledger.source.cursors import Pace
from ledger.source.oddities import OddityCount
from ledger.source.sources import SourceRecord
from ledger.zalo import credentials
from ledger.zalo.credentials import TokenLife
from operators.console import ground
from operators.console.kept import KeptAnswers
from worker.channels.budget import today
from worker.delivery.feedback import breaker_key, concerns
from worker.services.bootstrap import Services

COUNTED = (
    State.WAITING, State.DUE, State.SENDING, State.UNCERTAIN, State.UNREACHABLE, State.DEAD, State.QUARANTINED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerVitals:
    """The ledger's part. `used`: per cent of the day's budget, by channel that has one."""

    oa: str
    counts: Mapping[State, BoundedCount]
    backlog: Backlog
    paces: Sequence[Pace]
    source: SourceRecord
    odd: Sequence[OddityCount]
    life: TokenLife | None
    spent: Mapping[str, Spent]
    used: Mapping[str, int]
    alarms: Sequence[Alarm]


@dataclass(frozen=True, slots=True)
class ChannelVitals:
    """One channel: its breaker."""

    name: str
    breaker: BreakerState


@dataclass(frozen=True, slots=True)
class RedisVitals:
    """Redis' part. `held`: the holds on the whole OA or its app; `free`: calls that the limit would let out now.

    `rate`: calls a minute.
    """

    channels: Sequence[ChannelVitals]
    holds: Sequence[Hold]
    held: Sequence[Hold]
    scheduled: int
    free: int
    rate: int


_of_ledger: KeptAnswers[LedgerVitals] = KeptAnswers(seconds=2)
_of_redis: KeptAnswers[RedisVitals] = KeptAnswers(seconds=2)


def ledger_vitals(one: Services) -> LedgerVitals:
    """The ledger's part. Raises the errors of `ledger.base.away.AWAY`."""
    return _of_ledger.get(one.oa, lambda: _ask_ledger(one))


def redis_vitals(one: Services) -> RedisVitals | None:
    """Redis' part; None while it is away."""
    try:
        return _of_redis.get(one.oa, lambda: _ask_redis(one))
    except QueueDown:
        return None


def forget() -> None:
    """Ask anew, after a deed."""
    _of_ledger.forget()
    _of_redis.forget()


def _ask_ledger(one: Services) -> LedgerVitals:
    oa, budget = one.oa, one.budget
    with ground.reading() as connection:
        spent = spending.spent(connection, oa, today(datetime.now(UTC)))
        return LedgerVitals(
            oa=oa,
            counts={state: lists.count(connection, oa, state) for state in COUNTED},
            backlog=lists.backlog(connection, oa),
            paces=cursors.paces(connection, oa),
            source=sources.read(connection, oa),
            odd=oddities.tallied(connection, oa),
            life=credentials.life(connection, oa),
            spent=spent,
            used={name: budget.used(name, spent.get(name, Spent())) for name in (*budget.messages, *budget.dong)},
            alarms=[alarm for alarm in alarms.lasting(connection) if alarm.oa in ("", oa)],
        )


def _ask_redis(one: Services) -> RedisVitals:
    rate, limits = one.settings.zalo_rate_per_minute, one.limits(one.oa)
    holds = [hold for hold in one.holds.all() if concerns(one, hold.key)]
    return RedisVitals(
        channels=[
            ChannelVitals(name, one.breaker.state(breaker_key(one.oa, channel)))
            for name, channel in one.channels.items()
        ],
        holds=holds,
        held=[hold for hold in holds if hold.key in {limit.key for limit in limits}],
        scheduled=one.schedule.count_ahead(one.oa),
        free=one.limiter.peek(limits, rate, lane=Lane.INTERACTIVE).granted,
        rate=rate,
    )
