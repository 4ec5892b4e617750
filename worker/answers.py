"""When answers come: decide what becomes of each attempt, record it, and mind what it says beyond the notice.

One transaction for all that came since the last time, whichever the OA and the channel.
"""

from __future__ import annotations

import logging
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.aftermath import mind
from worker.channels.policy import elsewhere
from worker.costs import account_for
from worker.deliver import Shipment
from worker.domain.notice import Attempt
from worker.domain.outcome import Unreachable, word
from worker.domain.retry import Decision, decide
from worker.ledger import claims

log = logging.getLogger("hcc.deliver")


@dataclass(frozen=True, slots=True)
class Answer:
    """An attempt that came to its end, and the shipment that it was part of."""

    shipment: Shipment
    attempt: Attempt


def complete(answers: Sequence[Answer], *, again: bool = False) -> list[Shipment]:
    """Record the ends of these attempts; gives shipments whose access was refused, one an OA and channel.

    `again` where the ledger did not acknowledge some of them: what it has already is not written twice. Raises what the
    ledger raises: then nothing of it is recorded, unless the commit alone was not acknowledged.
    """
    services = answers[0].shipment.services
    now = services.clock.now()
    with services.ledger.begin() as tx:
        known = claims.recorded(tx, [one.attempt for one in answers]) if again else set()
        completed = [(one, decide_for(one, now)) for one in answers if one.attempt.notice.id not in known]
        groups = _by_channel(completed)
        moved = claims.complete(tx, [(one.attempt, decision) for one, decision in completed], by=services.name)
        for group in groups:
            account_for(tx, group[0][0].shipment.services, [one.attempt for one, _ in group])
    refused = []
    for group in groups:
        first = group[0][0].shipment
        _tell(group, moved)
        if mind(first.services, first.channel, [(one.attempt, decision) for one, decision in group]):
            refused.append(first)
    for shipment, number in _by_shipment(answers):
        shipment.lease.settled(shipment.services, number)
    return refused


def _by_shipment(answers: Sequence[Answer]) -> list[tuple[Shipment, int]]:
    """The shipments of these answers, each with their number."""
    counts = Counter(id(one.shipment) for one in answers)
    return [(shipment, counts[key]) for key, shipment in {id(one.shipment): one.shipment for one in answers}.items()]


def decide_for(answer: Answer, now: datetime) -> Decision:
    """`decide` with this deployment's patience and this moment."""
    services, attempt = answer.shipment.services, answer.attempt
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


Group = list[tuple[Answer, Decision]]


def _by_channel(completed: Iterable[tuple[Answer, Decision]]) -> list[Group]:
    """Those of one OA, one channel and one access together."""
    groups: dict[object, Group] = defaultdict(list)
    for one, decision in completed:
        groups[one.shipment.oa, one.attempt.channel, one.shipment.ready].append((one, decision))
    return list(groups.values())


def _tell(group: Group, moved: set[int]) -> None:
    """One line for what went as it should; one more for each notice that did not."""
    counts = Counter(word(one.attempt.outcome) for one, _ in group)
    slowest = max(one.attempt.ms for one, _ in group)
    log.info(
        "attempts oa=%s channel=%s %s slowest_ms=%d", group[0][0].shipment.oa, group[0][0].attempt.channel,
        " ".join(f"{name}={number}" for name, number in sorted(counts.items())), slowest,
    )  # fmt: skip
    for one, decision in group:
        lost = one.attempt.notice.id not in moved
        if lost or word(one.attempt.outcome) != "sent":
            log.info(
                "attempt notice=%d outcome=%s state=%s ms=%d%s", one.attempt.notice.id, word(one.attempt.outcome),
                decision.state, one.attempt.ms, " lease=lost" if lost else "",
            )  # fmt: skip
