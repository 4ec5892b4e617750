"""Completes attempts: decides on each answered notice, records it, and applies its consequences for other notices.

All answers since the last run are recorded in one transaction, across OAs and channels.
"""

from __future__ import annotations

import logging
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.notice import Attempt
from domain.outcome import Unreachable, word
from domain.retry import Decision, decide
from domain.value_object import value_object
from ledger.notices import claims
from worker.channels.policy import elsewhere
from worker.delivery.costs import account_for
from worker.delivery.deliver import OutboundBatch
from worker.delivery.feedback import feed_back

log = logging.getLogger("hcc.deliver")


@value_object
class CompletedAttempt:
    """A completed attempt and the outbound batch that it belongs to."""

    outbound: OutboundBatch
    attempt: Attempt


def complete(answers: Sequence[CompletedAttempt], *, again: bool = False) -> list[OutboundBatch]:
    """Record completed attempts. Returns outbound batches whose access was refused, one per OA and channel.

    Set `again` if the ledger did not acknowledge some of them before: those it already has are not written twice.
    Passes on any error of the ledger. Then nothing is recorded, unless only the acknowledgement of the commit was lost.
    """
    services = answers[0].outbound.services
    now = services.clock.now()
    with services.ledger.begin() as tx:
        known = claims.recorded(tx, [one.attempt for one in answers]) if again else set()
        completed = [(one, decide_for(one, now)) for one in answers if one.attempt.notice.id not in known]
        groups = _by_channel(completed)
        moved = claims.complete(tx, [(one.attempt, decision) for one, decision in completed], by=services.name)
        for group in groups:
            account_for(tx, group[0][0].outbound.services, [one.attempt for one, _ in group])
    refused = []
    for group in groups:
        first = group[0][0].outbound
        _tell(group, moved)
        if feed_back(first.services, first.channel, [(one.attempt, decision) for one, decision in group]):
            refused.append(first)
    for outbound, number in _by_batch(answers):
        outbound.guard.lease.settled(outbound.services, number)
    return refused


def _by_batch(answers: Sequence[CompletedAttempt]) -> list[tuple[OutboundBatch, int]]:
    """The outbound batches of these answers, each with its number of answers."""
    counts = Counter(id(one.outbound) for one in answers)
    return [(outbound, counts[key]) for key, outbound in {id(one.outbound): one.outbound for one in answers}.items()]


def decide_for(answer: CompletedAttempt, now: datetime) -> Decision:
    """Call `decide` with this deployment's patience and the time `now`."""
    services, attempt = answer.outbound.services, answer.attempt
    return decide(
        attempt.outcome,
        attempts=attempt.notice.attempts,
        fresh_at=attempt.notice.fresh_at,
        now=now,
        patience=services.patience,
        jitter=random.random(),  # noqa: S311 (spreads load, guards nothing)
        elsewhere=isinstance(attempt.outcome, Unreachable)
        and elsewhere(attempt.notice, attempt.channel, services.terms({}, {})),
    )


Group = list[tuple[CompletedAttempt, Decision]]


def _by_channel(completed: Iterable[tuple[CompletedAttempt, Decision]]) -> list[Group]:
    """Group by OA, channel and access."""
    groups: dict[object, Group] = defaultdict(list)
    for one, decision in completed:
        groups[one.outbound.services.oa, one.attempt.channel, one.outbound.ready].append((one, decision))
    return list(groups.values())


def _tell(group: Group, moved: set[int]) -> None:
    """Log one line for the group, and one more for each notice that was not sent or whose lease was lost."""
    counts = Counter(word(one.attempt.outcome) for one, _ in group)
    slowest = max(one.attempt.ms for one, _ in group)
    log.info(
        "attempts oa=%s channel=%s %s slowest_ms=%d", group[0][0].outbound.services.oa, group[0][0].attempt.channel,
        " ".join(f"{name}={number}" for name, number in sorted(counts.items())), slowest,
    )  # fmt: skip
    for one, decision in group:
        lost = one.attempt.notice.id not in moved
        if lost or word(one.attempt.outcome) != "sent":
            log.info(
                "attempt notice=%d outcome=%s state=%s ms=%d%s", one.attempt.notice.id, word(one.attempt.outcome),
                decision.state, one.attempt.ms, " lease=lost" if lost else "",
            )  # fmt: skip
