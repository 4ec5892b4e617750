"""Applies the consequences of answers for other notices: a refused token, a limit, a channel that is down, retries.

Nothing here is authoritative: if Redis is away meanwhile, the ledger already has everything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from coordination.connection import QueueDown
from coordination.schedule import Retry
from domain.lifecycle import State
from domain.notice import Attempt, Notice
from domain.outcome import HoldScope, Outcome, Wait, code_of, is_unanswered
from domain.retry import Decision
from worker.channels import CHANNELS
from worker.channels.channel import Channel, NotReady, Ready
from worker.channels.row import CodeEffect
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.deliver")

Completed = Sequence[tuple[Attempt, Decision]]
RATE_LIMIT = "rate limit"
"""The reason of notices that got no permit, also if the limit itself is under a hold."""

_TOKEN_SECONDS = 10.0
_WORTH_SECONDS = 2.0


def feed_back(services: Services, channel: Channel, completed: Completed) -> bool:
    """Apply the consequences of completed attempts of one OA and channel; returns whether its access was refused."""
    oa, outcomes = completed[0][0].notice.oa, [attempt.outcome for attempt, _ in completed]
    try:
        services.correct_limit()
        update_breaker(services, breaker_key(oa, channel), outcomes)
        update_holds(services, channel, [attempt for attempt, _ in completed])
        update_schedule(services, completed)
    except QueueDown as away:
        log.warning("consequences not shared oa=%s why=%s", oa, away)
    return any(isinstance(outcome, Wait) and outcome.hold is HoldScope.TOKEN for outcome in outcomes)


def renew_access(services: Services, channel: Channel, ready: Ready) -> None:
    """Renew an access token that the server refused. May take as long as a call; only this OA waits for it."""
    renewed = channel.renew_access(services.oa, ready)
    if isinstance(renewed, NotReady):
        # The next try comes by itself. Until then a hold keeps waiting notices from retrying every second.
        try:
            services.holds.hold(services.limits(services.oa)[1].key, _TOKEN_SECONDS, renewed.why)
        except QueueDown as away:
            log.warning("consequences not shared oa=%s why=%s", services.oa, away)


def breaker_key(oa: str, channel: Channel) -> str:
    """The key of a breaker: there is one for each OA and channel."""
    return f"{oa}:{channel.name}"


def update_breaker(services: Services, key: str, outcomes: Sequence[Outcome]) -> None:
    """Report outcomes to the breaker. No answer at all is a failure; any answer from Zalo, even a refusal, is none.

    A notice that a forgotten try has marked makes no call and says nothing: after a fail-over of the ledger there are
    hundreds, and with the channel closed for them the others would wait for minutes.
    """
    answers = sum(code_of(outcome) is not None for outcome in outcomes)
    failures = sum(map(is_unanswered, outcomes))
    turn = services.breaker.report(key, answers, failures)
    if turn.before != turn.after:
        log.warning("breaker key=%s from=%s to=%s", key, turn.before, turn.after)


def update_holds(services: Services, channel: Channel, attempts: Iterable[Attempt]) -> None:
    """Hold all notices affected by a quota, the night, a limit that Zalo reports as reached, or an account fault."""
    for attempt in attempts:
        wait = attempt.outcome
        if not isinstance(wait, Wait):
            continue
        app, own = services.limits(attempt.notice.oa)
        if CHANNELS[channel.name].effect(wait) is CodeEffect.LIMIT_REACHED:
            # The scope says whose limit it is: an OA's own does not affect others of its app.
            services.limiter.over(app if wait.hold is HoldScope.APP else own)
        elif wait.hold is HoldScope.APP:
            hold(services, app.key, wait)
        elif wait.hold is HoldScope.CHANNEL:
            hold(services, channel_hold(attempt.notice.oa, channel.name), wait)
        elif wait.hold is HoldScope.TEMPLATE:
            hold(services, template_hold(channel, attempt.notice), wait)
        elif wait.hold is HoldScope.PERSON:
            services.holds.hold(person_hold(channel, attempt.notice), wait.seconds, wait.reason)


def hold(services: Services, key: str, wait: Wait) -> None:
    """Set a hold that affects many notices, and log it for the operator."""
    log.error("held key=%s seconds=%d code=%s why=%s", key, wait.seconds, wait.code, wait.reason)
    services.holds.hold(key, wait.seconds, wait.reason)


def channel_hold(oa: str, channel: str) -> str:
    """The name of a hold on a whole channel of an OA."""
    return f"channel:{oa}:{channel}"


def template_hold(channel: Channel, notice: Notice) -> str:
    """The name of a hold on a kind of notice: each kind has its own template."""
    return f"template:{notice.oa}:{channel.name}:{notice.kind}"


HELD = ("app", "oa", "channel", "template", "person")
"""What a hold may hold: the first word of its name."""


def concerns(services: Services, held: str) -> bool:
    """Whether a hold of this name is the OA's, its app's or a person's; only the ledger knows a person's OA."""
    rest = held.partition(":")[2]
    return of_person(held) or rest.partition(":")[0] in (services.oa, services.settings.zalo_app_id)


def of_person(held: str) -> bool:
    """Whether a hold of this name is on one person, as `person_hold` makes it."""
    return held.startswith("person:")


def person_hold(channel: Channel, notice: Notice) -> str:
    """The name of a hold on one person, by the ledger's person id, which is meaningless outside of the ledger.

    Without a person id, the dossier's code is used.
    """
    return f"person:{channel.name}:{notice.code if notice.person_id is None else notice.person_id}"


def narrow_holds(channel: Channel, notice: Notice) -> tuple[str, str]:
    """The names of the holds that affect only a part of a channel's notices."""
    return template_hold(channel, notice), person_hold(channel, notice)


def update_schedule(services: Services, completed: Completed) -> None:
    """Update the list of waiting notices in Redis, which operators read."""
    schedule_waits(services, [(one.notice, decision, code_of(one.outcome)) for one, decision in completed])
    over = [
        attempt.notice.id
        for attempt, decision in completed
        if attempt.notice.attempts and decision.state is not State.DUE
    ]
    if over:
        services.schedule.remove(services.oa, over)


def schedule_waits(services: Services, ends: Iterable[tuple[Notice, Decision, int | None]]) -> None:
    """Schedule the notices that are due in future, each with the error code that it got. Raises `QueueDown`.

    Notices due within two seconds are omitted: those of a backlog repeatedly wait a fraction of a second for a permit.
    """
    worth = services.clock.now() + timedelta(seconds=_WORTH_SECONDS)
    coming = [
        _retry(notice, decision, decision.due_at, code)
        for notice, decision, code in ends
        if decision.state is State.DUE and decision.due_at is not None and decision.due_at > worth
    ]
    if coming:
        services.schedule.put(services.oa, coming)


def _retry(notice: Notice, decision: Decision, due_at: datetime, code: int | None) -> Retry:
    return Retry(
        id=notice.id,
        due_at=due_at,
        fresh_at=notice.fresh_at,
        event_key=notice.key,
        kind=notice.kind,
        reason=decision.reason,
        code=code,
        attempts=notice.attempts + decision.counts,
    )
