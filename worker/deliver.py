"""From the ledger to the person: the story of a batch, in the order in which it happens.

    claim → compose → choose channel → still true? → permit → mark started → send → decide → settle

No transaction is open while the network is used, nobody waits with a lease in hand, and a crash at any line leaves
every notice of the batch either certainly not sent (sent again) or maybe sent (uncertain, settled by asking).
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.aftermath import breaker_key, mind
from worker.bootstrap import Services
from worker.channels.channel import Channel, NotReady, Ready
from worker.channels.policy import choose
from worker.domain.kinds.hours import asleep
from worker.domain.letters import LetterError
from worker.domain.lifecycle import State
from worker.domain.notice import Attempt, Letter, Notice
from worker.domain.retry import Decision, decide
from worker.ledger import notices
from worker.queue.connection import QueueDown

log = logging.getLogger("hcc.deliver")

_SLICE_SECONDS = 0.8  # one task's share: other bells (the poll) get their turn in between
_BATCH = 200  # notices
_CHUNK = 50  # attempts settled at once: what a crash can leave uncertain stays small
_CHUNK_SECONDS = 0.2


def deliver(services: Services, oa: str) -> bool:
    """Deliver what is due for `oa`, for a short while; returns whether there may be more to do at once."""
    end = time.monotonic() + _SLICE_SECONDS
    while time.monotonic() < end:
        ready = ready_channels(services, oa)
        if not ready:
            return False
        room = services.limiter.peek(services.limits(oa), _BATCH)
        if room.granted == 0:
            time.sleep(min(room.wait_seconds, max(0.0, end - time.monotonic())))
        elif not deliver_batch(services, oa, ready, room.granted):
            return False
    return True


def deliver_batch(services: Services, oa: str, ready: dict[str, Ready], most: int) -> int:
    """Take up to `most` due notices through the whole story; returns how many were claimed."""
    letters = claim_and_compose(services, oa, most)
    for route in choose_channels(services, letters):
        if route.channel is None:
            put_down(services, route.untold)
        elif route.channel.name not in ready:
            give_back(services, [letter.notice for letter in route.letters], 5.0, "the channel is not ready")
        else:
            permitted = permit(services, oa, route.channel, still_true(services, route.letters))
            send_and_settle(services, route.channel, ready[route.channel.name], permitted)
    forget_marks(services, letters)
    return len(letters)


def ready_channels(services: Services, oa: str) -> dict[str, Ready]:
    """The channels that can send now; while none can, nothing is claimed."""
    ready: dict[str, Ready] = {}
    for name, channel in services.channels.items():
        answer = channel.ready(oa)
        if isinstance(answer, NotReady):
            log.warning("channel not ready oa=%s channel=%s why=%s", oa, name, answer.why)
        elif not shut(services, oa, channel):
            ready[name] = answer
    return ready


def shut(services: Services, oa: str, channel: Channel) -> bool:
    """Whether the channel's breaker is open and its time is not over yet."""
    until = services.breaker.state(breaker_key(oa, channel)).until
    return until is not None and until > datetime.now(UTC)


def claim_and_compose(services: Services, oa: str, most: int) -> list[Letter]:
    """Take the lease of due notices and keep their words, in one transaction that is over before the network."""
    lease = f"{services.marks.epoch()}.{uuid.uuid4().hex}"
    with services.ledger.begin() as tx:
        sleeping = asleep(datetime.now(UTC))
        claimed = notices.lock_due(tx, oa, lease, most, max_age=services.patience.max_age, asleep=sleeping)
        letters = [compose(services, notice) for notice in claimed]
        notices.lease_out(tx, letters, seconds=services.settings.lease_seconds, by=services.name)
    return letters


def compose(services: Services, notice: Notice) -> Letter:
    """The notice with its words; one whose words cannot be made is set aside alone, not with its batch."""
    try:
        return Letter(notice, services.letters.text(notice.kind, services.facts(notice)))
    except LetterError as fault:
        log.error("no words notice=%d kind=%s why=%s", notice.id, notice.kind, fault)  # noqa: TRY400 (the sentence says all)
        return Letter(notice, None, fault=str(fault))


@dataclass(frozen=True, slots=True)
class Route:
    """Letters that go the same way; where no channel fits, what becomes of each notice instead."""

    channel: Channel | None
    letters: list[Letter]
    untold: list[tuple[Notice, Decision]]


def choose_channels(services: Services, letters: Sequence[Letter]) -> Iterator[Route]:
    """Sort the batch by channel; first the notices that have none."""
    untold: list[tuple[Notice, Decision]] = []
    by_channel: dict[str, list[Letter]] = {}
    for letter in letters:
        choice = choose(letter, services.channels)
        if isinstance(choice, Decision):
            untold.append((letter.notice, choice))
        else:
            by_channel.setdefault(choice, []).append(letter)
    if untold:
        yield Route(None, [], untold)
    for name, routed in by_channel.items():
        yield Route(services.channels[name], routed, [])


def still_true(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """What the poll withdrew after the claim (a fee was paid just now) is suppressed, not sent (R12)."""
    with services.ledger.connect() as connection:
        ended = notices.withdrawn(connection, [letter.notice.id for letter in letters])
    if ended:
        over = [letter.notice for letter in letters if letter.notice.id in ended]
        put_down(services, [(n, Decision(State.SUPPRESSED, counts=False, reason=ended[n.id])) for n in over])
    return [letter for letter in letters if letter.notice.id not in ended]


def permit(services: Services, oa: str, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """One call for the whole batch; what gets no permit, or finds the breaker open, goes back at once with its time."""
    grant = services.limiter.take(services.limits(oa), len(letters))
    give_back(services, [letter.notice for letter in letters[grant.granted :]], grant.wait_seconds, "rate limit")
    permitted = letters[: grant.granted]
    allowed = services.breaker.before(breaker_key(oa, channel), len(permitted))
    untried = [letter.notice for letter in permitted[allowed.granted :]]
    give_back(services, untried, allowed.wait_seconds, "the channel is down")
    return permitted[: allowed.granted]


def send_and_settle(services: Services, channel: Channel, ready: Ready, letters: Sequence[Letter]) -> None:
    """Send, and settle in small chunks as answers come, so that a crash loses little."""
    if not letters:
        return
    lease = letters[0].notice.lease
    epoch = lease.split(".", 1)[0]
    done: list[Attempt] = []
    settled_at = time.monotonic()
    try:
        for attempt in channel.send(
            letters, ready, leaving=lambda notice: services.marks.leave(lease, epoch, [notice])
        ):
            done.append(attempt)
            if len(done) >= _CHUNK or time.monotonic() - settled_at > _CHUNK_SECONDS:
                chunk, done, settled_at = done, [], time.monotonic()
                settle(services, channel, ready, chunk)
    finally:  # an answer that is known is recorded, whatever ended the batch
        settle(services, channel, ready, done)


def forget_marks(services: Services, letters: Sequence[Letter]) -> None:
    """The batch is settled as a whole: its marks have done their work."""
    if letters:
        lease = letters[0].notice.lease
        with suppress(QueueDown):
            services.marks.forget(lease, lease.split(".", 1)[0])


def settle(services: Services, channel: Channel, ready: Ready, attempts: Sequence[Attempt]) -> None:
    """Decide what becomes of each attempt and record it; then mind what an answer said about the whole channel."""
    if not attempts:
        return
    settled = [(attempt, decide_for(services, attempt)) for attempt in attempts]
    with services.ledger.begin() as tx:
        moved = notices.settle(tx, settled, by=services.name)
    for attempt, decision in settled:
        log.info(
            "attempt notice=%d channel=%s outcome=%s state=%s ms=%d%s",
            attempt.notice.id, attempt.channel, type(attempt.outcome).__name__, decision.state, attempt.ms,
            "" if attempt.notice.id in moved else " lease=lost",
        )  # fmt: skip
    mind(services, attempts[0].notice.oa, channel, ready, settled)


def decide_for(services: Services, attempt: Attempt) -> Decision:
    """`decide` with this deployment's patience and this moment."""
    return decide(
        attempt.outcome,
        attempts=attempt.notice.attempts,
        fresh_at=attempt.notice.fresh_at,
        now=datetime.now(UTC),
        patience=services.patience,
        jitter=random.random(),  # noqa: S311 (spreads load, guards nothing)
    )


def put_down(services: Services, untold: Sequence[tuple[Notice, Decision]]) -> None:
    """Notices that cannot be tried at all: recorded with the reason, where an operator sees it."""
    with services.ledger.begin() as tx:
        notices.put_down(tx, untold, by=services.name)


def give_back(services: Services, untried: Sequence[Notice], seconds: float, why: str) -> None:
    """Return notices untried, with the time from which they may be tried: a wait is not an attempt."""
    if not untried:
        return
    later = datetime.now(UTC) + timedelta(seconds=seconds)
    put_down(services, [(notice, Decision(State.DUE, counts=False, due_at=later, reason=why)) for notice in untried])
