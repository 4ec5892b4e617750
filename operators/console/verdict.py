"""The verdict of the overview: what is wrong, the worst first; nothing if all is well. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordination.breaker import BreakerWord
from domain.lifecycle import State
from ledger.notices.switches import Switch
from operators.console.vitals import LedgerVitals, RedisVitals

GRANT_SOON_DAYS = 14
FULL = 100  # per cent
BAD = 70  # a finding of this rank means that notices do not go out
_SHORT_HOLD = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class FindingBounds:
    """From when on something is a finding (seconds; per cent of a budget)."""

    due_seconds: float
    feed_seconds: float
    budget_percent: int


@dataclass(frozen=True, slots=True)
class OverviewFinding:
    """Something that needs somebody: `key` names its words, `route` the page where to act; higher ranks are worse."""

    rank: int
    key: str
    route: str
    values: dict[str, Any] = field(default_factory=dict)


def findings(
    ledger: LedgerVitals,
    redis: RedisVitals | None,
    switches: Sequence[Switch],
    feeds: Sequence[str],
    bounds: FindingBounds,
) -> list[OverviewFinding]:
    """What is wrong with an OA, the worst first. `feeds`: those that are polled all the time."""
    found = [
        *_grant(ledger),
        *_channels(redis),
        *_source(ledger, feeds, bounds),
        *_backlog(ledger, bounds, stopped=bool(switches)),
        *_budget(ledger, bounds),
        *_left_to_people(ledger),
    ]
    found += [OverviewFinding(60, "paused", "switches", {"switch": one, "by": one.by}) for one in switches]
    return sorted(found, key=lambda one: -one.rank)


def _grant(ledger: LedgerVitals) -> Iterator[OverviewFinding]:
    life = ledger.life
    if life is None:
        yield OverviewFinding(95, "no_token", "system")
    elif life.grant_days == 0:
        yield OverviewFinding(100, "grant_lost", "system")
    elif life.grant_days <= GRANT_SOON_DAYS:
        yield OverviewFinding(65, "grant_ends", "system", {"number": life.grant_days})


def _channels(redis: RedisVitals | None) -> Iterator[OverviewFinding]:
    if redis is None:
        yield OverviewFinding(85, "redis_away", "system")
        return
    held = [hold for hold in redis.held if hold.seconds > _SHORT_HOLD]
    if held:
        yield OverviewFinding(72, "held", "system", {"seconds": held[0].seconds})
    for channel in redis.channels:
        if channel.breaker.word in (BreakerWord.OPEN, BreakerWord.PROBING):
            yield OverviewFinding(90, "channel_down", "system", {"channel": channel.name})


def _source(ledger: LedgerVitals, feeds: Sequence[str], bounds: FindingBounds) -> Iterator[OverviewFinding]:
    if ledger.source.strange is not None:
        yield OverviewFinding(88, "strange_source", "system")
    late = [pace for pace in ledger.paces if pace.feed in feeds and pace.seconds > bounds.feed_seconds]
    if late:
        slowest = max(late, key=lambda pace: pace.seconds)
        yield OverviewFinding(80, "source_late", "system", {"feed": slowest.feed, "seconds": slowest.seconds})
    if marked := sum(one.number for one in ledger.odd if one.marked):
        yield OverviewFinding(52, "unknown_words", "system", {"number": marked})


def _backlog(ledger: LedgerVitals, bounds: FindingBounds, *, stopped: bool) -> Iterator[OverviewFinding]:
    """What is stopped by a switch is told as such."""
    oldest = ledger.backlog.due_at
    if oldest is None or stopped:
        return
    seconds = (ledger.backlog.read_at - oldest).total_seconds()
    if seconds > bounds.due_seconds:
        yield OverviewFinding(75, "due_late", "system", {"seconds": seconds})


def _budget(ledger: LedgerVitals, bounds: FindingBounds) -> Iterator[OverviewFinding]:
    for channel, percent in ledger.used.items():
        if percent >= bounds.budget_percent:
            rank, key = (70, "budget_gone") if percent >= FULL else (55, "budget_soon")
            yield OverviewFinding(rank, key, "system", {"channel": channel, "number": percent})


_PEOPLE = ((50, State.DEAD, "dead"), (45, State.QUARANTINED, "quarantine"), (40, State.UNCERTAIN, "uncertain"))


def _left_to_people(ledger: LedgerVitals) -> Iterator[OverviewFinding]:
    for rank, state, route in _PEOPLE:
        if ledger.counts[state].number:
            yield OverviewFinding(rank, route, route, {"count": ledger.counts[state]})
