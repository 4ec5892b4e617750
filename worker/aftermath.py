"""What answers mean beyond the notices that met them: a refused token, a limit, a channel that is down, retries.

Everything here is a help, not the truth: where Redis is away meanwhile, the ledger has it all already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from worker.bootstrap import Services
from worker.channels.channel import Channel, NotReady, Ready
from worker.domain.lifecycle import State
from worker.domain.notice import Attempt
from worker.domain.outcome import Hold, Outcome, TryLater, Uncertain, Wait, code_of
from worker.domain.retry import Decision
from worker.queue.connection import QueueDown
from worker.queue.schedule import Retry

log = logging.getLogger("hcc.deliver")

Settled = Sequence[tuple[Attempt, Decision]]
_TOKEN_SECONDS = 10.0
_TOO_MANY = -32  # Zalo: "reached limit call api", in two wordings; the call was not executed


def mind(services: Services, oa: str, channel: Channel, ready: Ready, settled: Settled) -> None:
    """Draw the consequences of a chunk of settled attempts."""
    outcomes = [attempt.outcome for attempt, _ in settled]
    refused = any(isinstance(outcome, Wait) and outcome.hold is Hold.TOKEN for outcome in outcomes)
    renewed = channel.refused_pass(oa, ready) if refused else ready
    try:
        if isinstance(renewed, NotReady):
            # The next try comes by itself: what waits must not knock at a closed door every second meanwhile.
            services.limiter.hold(services.limits(oa)[1].key, _TOKEN_SECONDS, renewed.why)
        mind_breaker(services, breaker_key(oa, channel), outcomes)
        mind_limits(services, oa, outcomes)
        mind_schedule(services, oa, settled)
    except QueueDown as away:
        log.warning("consequences not shared oa=%s why=%s", oa, away)


def breaker_key(oa: str, channel: Channel) -> str:
    """One breaker for each OA and channel."""
    return f"{oa}:{channel.name}"


def mind_breaker(services: Services, key: str, outcomes: Sequence[Outcome]) -> None:
    """No answer at all counts against the channel; any answer of Zalo's, also a refusal, speaks for it."""
    failures = sum(code_of(outcome) is None for outcome in outcomes if isinstance(outcome, TryLater | Uncertain))
    turn = services.breaker.report(key, len(outcomes) - failures, failures)
    if turn.before != turn.after:
        log.warning("breaker key=%s from=%s to=%s", key, turn.before, turn.after)


def mind_limits(services: Services, oa: str, outcomes: Iterable[Outcome]) -> None:
    """A limit that Zalo says is reached, a quota, a fault of the account: hold all that it concerns."""
    app, account = services.limits(oa)
    held = [outcome for outcome in outcomes if isinstance(outcome, Wait) and outcome.hold is Hold.CHANNEL]
    if any(wait.code == _TOO_MANY for wait in held):
        services.limiter.over(app)
    for wait in held:
        if wait.code != _TOO_MANY:
            log.error("channel held oa=%s seconds=%d code=%s why=%s", oa, wait.seconds, wait.code, wait.reason)
            services.limiter.hold(account.key, wait.seconds, wait.reason)


def mind_schedule(services: Services, oa: str, settled: Settled) -> None:
    """Keep the list of retries that operators read from Redis."""
    coming = [
        _retry(attempt, decision) for attempt, decision in settled if decision.state is State.DUE and decision.counts
    ]
    over = [
        attempt.notice.id
        for attempt, decision in settled
        if attempt.notice.attempts and decision.state is not State.DUE
    ]
    if coming:
        services.schedule.put(oa, coming)
    if over:
        services.schedule.remove(oa, over)


def _retry(attempt: Attempt, decision: Decision) -> Retry:
    notice = attempt.notice
    return Retry(
        id=notice.id,
        due_at=decision.due_at or attempt.at,
        fresh_at=notice.fresh_at,
        event_key=notice.key,
        kind=notice.kind,
        reason=decision.reason,
        code=code_of(attempt.outcome),
        attempts=notice.attempts + 1,
    )
