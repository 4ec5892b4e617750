"""What answers mean beyond the notices that met them: a refused token, a limit, a channel that is down, retries.

Everything here is a help, not the truth: where Redis is away meanwhile, the ledger has it all already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from worker.bootstrap import Services
from worker.channels.channel import Channel, NotReady, Ready
from worker.domain.lifecycle import State
from worker.domain.notice import Attempt, Notice
from worker.domain.outcome import Hold, Outcome, TryLater, Uncertain, Wait, code_of
from worker.domain.retry import Decision
from worker.queue.connection import QueueDown
from worker.queue.schedule import Retry

log = logging.getLogger("hcc.deliver")

Settled = Sequence[tuple[Attempt, Decision]]
RATE_LIMIT = "rate limit"
"""Why notices wait that found no permit, also where the limit itself is held."""

_TOKEN_SECONDS = 10.0
_WORTH_SECONDS = 2.0
_TOO_MANY = -32  # Zalo: "reached limit call api", in two wordings; the call was not executed


def mind(services: Services, channel: Channel, settled: Settled) -> bool:
    """Draw the consequences of settled attempts of one OA and channel; returns whether its access was refused."""
    oa, outcomes = settled[0][0].notice.oa, [attempt.outcome for attempt, _ in settled]
    try:
        services.correct_limit()
        mind_breaker(services, breaker_key(oa, channel), outcomes)
        mind_holds(services, channel, [attempt for attempt, _ in settled])
        mind_schedule(services, oa, settled)
    except QueueDown as away:
        log.warning("consequences not shared oa=%s why=%s", oa, away)
    return any(isinstance(outcome, Wait) and outcome.hold is Hold.TOKEN for outcome in outcomes)


def renew_access(services: Services, oa: str, channel: Channel, ready: Ready) -> None:
    """The far side refused an access token: renew it. May take as long as a call; nothing waits for it but this OA."""
    renewed = channel.refused_pass(oa, ready)
    if isinstance(renewed, NotReady):
        # The next try comes by itself: what waits must not knock at a closed door every second meanwhile.
        try:
            services.holds.hold(services.limits(oa)[1].key, _TOKEN_SECONDS, renewed.why)
        except QueueDown as away:
            log.warning("consequences not shared oa=%s why=%s", oa, away)


def breaker_key(oa: str, channel: Channel) -> str:
    """One breaker for each OA and channel."""
    return f"{oa}:{channel.name}"


def mind_breaker(services: Services, key: str, outcomes: Sequence[Outcome]) -> None:
    """No answer at all counts against the channel; any answer of Zalo's, also a refusal, speaks for it."""
    answers = sum(code_of(outcome) is not None for outcome in outcomes)
    failures = sum(code_of(outcome) is None for outcome in outcomes if isinstance(outcome, TryLater | Uncertain))
    turn = services.breaker.report(key, answers, failures)
    if turn.before != turn.after:
        log.warning("breaker key=%s from=%s to=%s", key, turn.before, turn.after)


def mind_holds(services: Services, channel: Channel, attempts: Iterable[Attempt]) -> None:
    """A quota, the night, a limit that Zalo says is reached, a fault of the account: hold all that it concerns."""
    for attempt in attempts:
        wait = attempt.outcome
        if not isinstance(wait, Wait):
            continue
        app, own = services.limits(attempt.notice.oa)
        if wait.code == _TOO_MANY:  # whose limit it is, Zalo says: an OA's own does not concern others of its app
            services.limiter.over(app if wait.hold is Hold.APP else own)
        elif wait.hold is Hold.APP:
            hold(services, app.key, wait)
        elif wait.hold is Hold.CHANNEL:
            hold(services, channel_hold(attempt.notice.oa, channel.name), wait)
        elif wait.hold is Hold.TEMPLATE:
            hold(services, template_hold(channel, attempt.notice), wait)
        elif wait.hold is Hold.PERSON:
            services.holds.hold(person_hold(channel, attempt.notice), wait.seconds, wait.reason)


def hold(services: Services, key: str, wait: Wait) -> None:
    """A hold that concerns many: an operator should know."""
    log.error("held key=%s seconds=%d code=%s why=%s", key, wait.seconds, wait.code, wait.reason)
    services.holds.hold(key, wait.seconds, wait.reason)


def channel_hold(oa: str, channel: str) -> str:
    """The name under which a whole channel of an OA is held."""
    return f"channel:{oa}:{channel}"


def template_hold(channel: Channel, notice: Notice) -> str:
    """The name under which a kind of notice is held: each kind has its own template."""
    return f"template:{notice.oa}:{channel.name}:{notice.kind}"


def concerns(services: Services, held: str) -> bool:
    """Whether a hold of this name is the OA's, its app's or a person's: whose a person is, only the ledger knows."""
    of, _, rest = held.partition(":")
    return of == "person" or rest.partition(":")[0] in (services.oa, services.settings.zalo_app_id)


def person_hold(channel: Channel, notice: Notice) -> str:
    """The name under which one person is left alone: the ledger's number, which says nothing outside of it."""
    return f"person:{channel.name}:{notice.code if notice.person_id is None else notice.person_id}"


def narrow_holds(channel: Channel, notice: Notice) -> tuple[str, str]:
    """The holds that concern only a part of a channel's notices."""
    return template_hold(channel, notice), person_hold(channel, notice)


def mind_schedule(services: Services, oa: str, settled: Settled) -> None:
    """Keep the list, which operators read from Redis, of what waits for a time."""
    schedule_waits(services, oa, [(one.notice, decision, code_of(one.outcome)) for one, decision in settled])
    over = [
        attempt.notice.id
        for attempt, decision in settled
        if attempt.notice.attempts and decision.state is not State.DUE
    ]
    if over:
        services.schedule.remove(oa, over)


def schedule_waits(services: Services, oa: str, ends: Iterable[tuple[Notice, Decision, int | None]]) -> None:
    """Schedule those notices that are due at a time to come, each with the code that it met. Raises `QueueDown`.

    What is due in a moment is not worth it: a backlog's notices wait for a permit, a fraction of a second each time.
    """
    worth = services.clock.now() + timedelta(seconds=_WORTH_SECONDS)
    coming = [
        _retry(notice, decision, decision.due_at, code)
        for notice, decision, code in ends
        if decision.state is State.DUE and decision.due_at is not None and decision.due_at > worth
    ]
    if coming:
        services.schedule.put(oa, coming)


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
