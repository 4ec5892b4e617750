"""Takes a batch from the ledger to the wire; the functions are in the order in which they run.

    claim → compose → choose channel → still true? → permit → mark started → send → decide → complete

This module covers the steps from the claim to the wire. `pump` carries many batches of many OAs concurrently, and
`completion` processes the answers. No transaction is open during network calls, and no wait happens under a lease. A
crash at any line leaves each notice of the batch either certainly not sent (sent again) or perhaps sent (uncertain,
settled by a look-up).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.channels import USUAL, shown_in_conversation
from coordination.breaker import BreakerWord
from coordination.connection import QueueDown
from domain.kinds import CARDS
from domain.kinds.reminder_hours import asleep
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Letter, Notice
from domain.retry import Decision
from domain.wording import LetterError
from ledger.notices import claims, eligibility
from ledger.notices.eligibility import Bounds
from ledger.notices.switches import STOPPED_CHANNEL
from worker.channels.cargo import Cargo
from worker.channels.channel import SPREAD_SECONDS, Channel, NotReady, Ready
from worker.channels.conditions import BUDGET
from worker.channels.policy import choose
from worker.delivery.costs import afford_now, terms_now
from worker.delivery.feedback import RATE_LIMIT, breaker_key, channel_hold, narrow_holds, schedule_waits
from worker.delivery.lease import Lease, LeaseGuard, boot_clock
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.deliver")

NOT_READY, DOWN, REDIS_AWAY = "the channel is not ready", "the channel is down", "Redis is away"
"""Reasons for returning notices untried."""

RESTORED = "it may have been sent before the ledger was restored"

_STOPPED_SECONDS = 3600.0


def first_lane(services: Services) -> Lane | None:
    """The lane of the next batch; None if nothing is due."""
    with services.ledger.connect() as connection:
        return eligibility.first_lane(connection, services.oa, bounds(services))


def bounds(services: Services) -> Bounds:
    """The bounds of a claim: no notice that is too old (R15) or was last compared with the source too long ago.

    At night reminders are excluded.
    """
    sure = timedelta(seconds=services.settings.sure_seconds)
    return Bounds(services.patience.max_age, asleep(services.clock.now()), sure)


@dataclass(frozen=True, slots=True)
class OutboundBatch:
    """The letters of one claim for one channel, with everything needed to process their answers."""

    services: Services
    guard: LeaseGuard
    channel: Channel
    ready: Ready
    cargo: Cargo

    def report_lateness(self) -> None:
        """Report late calls to the limiter: Zalo counts them later than their permits."""
        late = self.guard.lateness()
        if late is not None:
            with suppress(QueueDown):
                self.services.limiter.late(self.services.limits(self.services.oa), late)


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of a claim: the number of claimed notices, and those of them that may leave now."""

    claimed: int
    outbound: list[OutboundBatch] = field(default_factory=list)


def load_batch(services: Services, lane: Lane, ready: dict[str, Ready], most: int) -> Batch:
    """Claim up to `most` due notices of a lane and take them through all steps before the wire.

    Raises `QueueDown`: then every claimed notice has been returned to the queue.
    """
    lease = Lease.begin(services)
    letters = claim_and_compose(services, lane, lease, most)
    batch = Batch(len(letters))
    loaded: set[int] = set()
    try:
        for name, chosen in choose_channels(services, doubt_what_was_restored(services, letters)).items():
            if name not in ready:
                give_back(services, [letter.notice for letter in chosen], 5.0, NOT_READY)
            elif guard := permitted(services, lane, lease, services.channels[name], chosen):
                batch.outbound.append(prepared(services, guard, services.channels[name], ready[name]))
                loaded.update(letter.notice.id for letter in guard.letters)
    except QueueDown:
        give_back(services, [one.notice for one in letters if one.notice.id not in loaded], 1.0, REDIS_AWAY)
        if not loaded:
            raise
    return batch


def permitted(
    services: Services, lane: Lane, lease: Lease, channel: Channel, letters: Sequence[Letter]
) -> LeaseGuard | None:
    """The steps "still true?" and "permit". Letters that may not leave now are returned, with due time and reason.

    Returns the guard of the others, or None if there are none.
    """
    asked_at = boot_clock()
    free = under_no_hold(services, channel, still_wanted(services, letters))
    affordable = afford(services, channel, permit(services, lane, channel, free))
    commit_to(services, channel, affordable)
    return LeaseGuard(services, lease, affordable, asked_at) if affordable else None


def prepared(services: Services, guard: LeaseGuard, channel: Channel, ready: Ready) -> OutboundBatch:
    """Turn the letters into calls for the wire. The lease counts them until they are completed."""
    guard.lease.unsettled += len(guard.letters)
    return OutboundBatch(services, guard, channel, ready, channel.prepare(guard.letters, ready, guard=guard))


def ready_channels(services: Services) -> dict[str, Ready]:
    """The channels that can send now; if there are none, nothing is claimed."""
    ready: dict[str, Ready] = {}
    held = services.holds.of(channel_hold(services.oa, name) for name in services.channels)
    for name, channel in services.channels.items():
        answer = channel.ready(services.oa)
        if isinstance(answer, NotReady):
            log.warning("channel not ready oa=%s channel=%s why=%s", services.oa, name, answer.why)
        elif channel_hold(services.oa, name) not in held and not shut(services, channel):
            ready[name] = answer
    return ready


def shut(services: Services, channel: Channel) -> bool:
    """Whether the channel's breaker is open. While it is probing or opening, `permit` limits the calls."""
    return services.breaker.state(breaker_key(services.oa, channel)).word is BreakerWord.OPEN


def claim_and_compose(services: Services, lane: Lane, lease: Lease, most: int) -> list[Letter]:
    """Lease due notices and store their texts, in one transaction that ends before any network call."""
    with services.ledger.begin() as tx:
        claimed = claims.lock_due(tx, services.oa, lane, lease.name, most, bounds=bounds(services))
        if claimed:
            services.letters.refresh(tx)
        letters = [compose(services, notice) for notice in claimed]
        claims.lease_out(tx, letters, seconds=services.settings.lease_seconds, by=services.name)
    return letters


def compose(services: Services, notice: Notice) -> Letter:
    """Render the text of a notice; if that fails, only this notice is set aside, not its batch."""
    fault = notice.fault
    if fault is None:
        try:
            text, version = services.letters.told(notice.kind, services.facts(notice))
            return Letter(notice, text, version=version)
        except LetterError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 (poison message: on any error the batch continues)
            fault = f"its words cannot be made ({type(error).__name__})"  # the error's own text may quote a fact
    log.error("no words notice=%d kind=%s why=%s", notice.id, notice.kind, fault)
    return Letter(notice, None, fault=fault)


def choose_channels(services: Services, letters: Sequence[Letter]) -> dict[str, list[Letter]]:
    """Group letters by channel. Notices that no channel can take are recorded with the reason."""
    untold: list[tuple[Notice, Decision]] = []
    by_channel: dict[str, list[Letter]] = {}
    terms = terms_now(services, letters)
    for letter in letters:
        choice = choose(letter, terms)
        if isinstance(choice, Decision):
            untold.append((letter.notice, choice))
        elif choice in letter.notice.stopped:
            untold.append((letter.notice, stopped(services, choice)))
        else:
            by_channel.setdefault(choice, []).append(letter)
    if untold:
        put_down(services, untold)
    return by_channel


def stopped(services: Services, channel: str) -> Decision:
    """The decision on a notice whose channel is switched off: it waits, since the next channel may cost money.

    This is no attempt. The notice is not claimed again before the switch ends. Its due time matters only if the end of
    the switch is not signalled.
    """
    later = services.clock.now() + timedelta(seconds=_STOPPED_SECONDS)
    return Decision(State.DUE, counts=False, due_at=later, reason=f"{STOPPED_CHANNEL}{channel}")


def doubt_what_was_restored(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """The letters that were certainly not sent before the ledger was restored.

    The others are looked up, or kept for an operator.
    """
    doubtful = [letter for letter in letters if letter.notice.maybe_since is not None]
    if not doubtful:
        return letters
    terms, due_at = terms_now(services, doubtful), services.clock.now()
    put_down(services, [(letter.notice, doubt(letter, choose(letter, terms), due_at)) for letter in doubtful])
    return [letter for letter in letters if letter.notice.maybe_since is None]


def doubt(letter: Letter, choice: str | Decision, due_at: datetime) -> Decision:
    """The decision on a notice that a forgotten try may have sent; `choice` is the channel it would take now."""
    if isinstance(choice, Decision):
        return choice
    if shown_in_conversation(choice) and letter.notice.kind not in CARDS:
        return Decision(State.UNCERTAIN, counts=False, due_at=due_at, reason=RESTORED)
    return Decision(State.QUARANTINED, counts=False, reason=f"{RESTORED}, and {choice} cannot be asked")


def still_wanted(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return letters that became untrue since the claim to the queue, each with its reason; return the others.

    The source may have changed (R12: a fee was paid just now), or the person may have unfollowed (R28). A returned
    notice is suppressed if it was retracted, compared before the next claim if it was corrected, and otherwise judged
    anew.
    """
    with services.ledger.connect() as connection:
        unwanted = claims.unwanted(connection, [letter.notice for letter in letters])
    for why in sorted(set(unwanted.values())):
        give_back(services, [one.notice for one in letters if unwanted.get(one.notice.id) == why], 0.0, why)
    return [letter for letter in letters if letter.notice.id not in unwanted]


def under_no_hold(services: Services, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters under no hold; release the others until their hold expires, with jitter."""
    if not services.holds.any():
        return letters
    names = {letter.notice.id: narrow_holds(channel, letter.notice) for letter in letters}
    held = services.holds.of(name for each in names.values() for name in each)
    free = []
    for letter in letters:
        holds = [held[name] for name in names[letter.notice.id] if name in held]
        if not holds:
            free.append(letter)
            continue
        longest = max(holds, key=lambda hold: hold.seconds)
        spread = random.random() * min(SPREAD_SECONDS, longest.seconds / 5)  # noqa: S311 (spreads load, guards nothing)
        give_back(services, [letter.notice], longest.seconds + spread, longest.reason)
    return free


def permit(services: Services, lane: Lane, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Request permits for the whole batch in one call; return the letters that have one and pass the breaker.

    The others are returned to the queue at once, with their due time. A permit that the breaker leaves unused is
    returned too: the app's permits are shared, and an outage of one OA must not use up those of another.
    """
    limits = services.limits(services.oa)
    grant = services.limiter.take(limits, len(letters), lane=lane)
    give_back(services, [letter.notice for letter in letters[grant.granted :]], grant.wait_seconds, RATE_LIMIT)
    permitted = letters[: grant.granted]
    allowed = services.breaker.before(breaker_key(services.oa, channel), len(permitted))
    untried = [letter.notice for letter in permitted[allowed.granted :]]
    services.limiter.give_back(limits, len(untried))
    give_back(services, untried, allowed.wait_seconds, DOWN)
    return permitted[: allowed.granted]


def afford(services: Services, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Reserve the cost of the letters; those beyond the day's budget are returned, and their channel is chosen anew."""
    affordable = afford_now(services, channel, letters)
    paid_for = {letter.notice.id for letter in affordable}
    unpaid = [letter.notice for letter in letters if letter.notice.id not in paid_for]
    give_back(services, unpaid, 1.0, f"{BUDGET} is used up")
    return affordable


def commit_to(services: Services, channel: Channel, letters: Sequence[Letter]) -> None:
    """Record the channel before sending: after a crash only a text in the conversation can be looked up.

    The ledger assumes the usual channel, so nothing is written for that one.
    """
    unusual = [letter.notice for letter in letters if channel.name != USUAL or letter.notice.said_no]
    if unusual:
        with services.ledger.begin() as tx:
            claims.commit_to(tx, channel.name, unusual)


def put_down(services: Services, untold: Sequence[tuple[Notice, Decision]]) -> None:
    """Record the decisions on notices that were not tried, with their reasons, for operators to see."""
    with services.ledger.begin() as tx:
        claims.put_down(tx, untold, by=services.name)
    with suppress(QueueDown):  # a copy for operators, which a sweep rebuilds
        schedule_waits(services, [(notice, decision, None) for notice, decision in untold])


def give_back(services: Services, untried: Sequence[Notice], seconds: float, why: str) -> None:
    """Return notices to the queue untried, due again in `seconds`: a wait is not an attempt."""
    if not untried:
        return
    later = services.clock.now() + timedelta(seconds=seconds)
    put_down(services, [(notice, Decision(State.DUE, counts=False, due_at=later, reason=why)) for notice in untried])
