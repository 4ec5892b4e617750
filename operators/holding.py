"""Finds out why a notice does not leave, from the ledger and Redis; for `hcc dossier` and for `operators.stuck`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from coordination.breaker import BreakerWord
from coordination.connection import QueueDown
from domain.held import Held, HeldBy, Live, held
from domain.kinds.reminder_hours import dawn
from domain.lane import Lane
from ledger.notices import live
from ledger.notices.truth import SOURCE
from worker.channels.channel import Channel, NotReady
from worker.channels.conditions import BUDGET, QUIET
from worker.channels.zalo.codes import TABLES, Meaning
from worker.delivery.deliver import DOWN, NOT_READY, REDIS_AWAY, bounds
from worker.delivery.feedback import RATE_LIMIT, breaker_key, channel_hold, concerns
from worker.services.bootstrap import Services

_OF_MEANINGS: Mapping[Meaning, HeldBy] = {
    Meaning.RATE: HeldBy.LIMIT,
    Meaning.TOKEN: HeldBy.TOKEN,
    Meaning.GRANT: HeldBy.TOKEN,
    Meaning.NIGHT: HeldBy.NIGHT,
    Meaning.QUOTA: HeldBy.HOLD,
    Meaning.CONFIG: HeldBy.HOLD,
}
_OF_REASONS: Mapping[str, HeldBy] = {
    **{row.reason: _OF_MEANINGS[row.meaning] for table in TABLES.values() for row in table.values()
       if row.meaning in _OF_MEANINGS},
    RATE_LIMIT: HeldBy.LIMIT,
    SOURCE: HeldBy.SOURCE,
    QUIET: HeldBy.NIGHT,
    DOWN: HeldBy.BREAKER,
    NOT_READY: HeldBy.TOKEN,
    REDIS_AWAY: HeldBy.REDIS,
}  # fmt: skip
"""Reason stored by the worker when it returned a notice to the queue → what holds the notice."""


def held_notices(tx: Connection, services: Services, code: str) -> dict[str, Held]:
    """By event key, the hold on each notice of a dossier; notices without a hold are absent."""
    found = live.read(tx, services.oa, code, sure=services.settings.sure_seconds)
    if not found:
        return {}
    now = services.clock.now()
    of_oa = {lane: held_oa(services, lane) for lane in {row.lane for row in found.values()}}
    reasons = _held_reasons(services)
    asleep = bounds(services).asleep
    each = {}
    for key, row in found.items():
        notice = Live(
            state=row.state,
            reason=row.reason,
            waits_for=_cause_of(row.reason, reasons),
            due_at=row.due_at,
            lease_until=row.lease_until,
            is_sure=row.is_sure,
            may_be_told_from=dawn(now) if row.kind in asleep else None,
            earlier=row.earlier,
            stopped=row.stopped,
        )
        each[key] = held(notice, of_oa[row.lane], now)
    return {key: one for key, one in each.items() if one is not None}


def _cause_of(reason: str | None, held_reasons: Collection[str]) -> HeldBy:
    """What holds a notice whose due time is in the future. An unknown reason is a fault that it waits to retry."""
    if reason in held_reasons:
        return HeldBy.HOLD
    if reason is not None and reason.startswith(BUDGET):
        return HeldBy.BUDGET
    return _OF_REASONS.get(reason or "", HeldBy.BACK_OFF)


def _held_reasons(services: Services) -> set[str]:
    try:
        return {hold.reason for hold in services.holds.all() if concerns(services, hold.key)}
    except QueueDown:
        return set()


def held_oa(services: Services, lane: Lane) -> Held | None:
    """The hold on every notice of the OA in this lane now; None if there is none."""
    now = services.clock.now()
    try:
        limits = services.limits(services.oa)
        holds = services.holds.of([limit.key for limit in limits])
        if holds:
            longest = max(holds.values(), key=lambda hold: hold.seconds)
            return Held(HeldBy.HOLD, now + timedelta(seconds=longest.seconds), longest.reason)
        shut = [_shut(services, channel, now) for channel in services.channels.values()]
        if shut and None not in shut:
            return min((one for one in shut if one), key=lambda one: (one.until is None, one.until or now))
        grant = services.limiter.peek(limits, 1, lane=lane)
    except QueueDown:
        return Held(HeldBy.REDIS)
    return None if grant.granted else Held(HeldBy.LIMIT, now + timedelta(seconds=grant.wait_seconds))


def _shut(services: Services, channel: Channel, now: datetime) -> Held | None:
    answer = channel.ready(services.oa)
    if isinstance(answer, NotReady):
        return Held(HeldBy.TOKEN, what=answer.why)
    name = channel_hold(services.oa, channel.name)
    hold = services.holds.of([name]).get(name)
    if hold is not None:
        return Held(HeldBy.HOLD, now + timedelta(seconds=hold.seconds), hold.reason)
    state = services.breaker.state(breaker_key(services.oa, channel))
    return Held(HeldBy.BREAKER, state.until, channel.name) if state.word is BreakerWord.OPEN else None
