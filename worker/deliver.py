"""From the ledger to the person: the story of a batch, in the order in which it happens.

    claim → compose → choose channel → still true? → permit → mark started → send → decide → settle

This page goes from the claim to the wire; `pump` carries many batches of many OAs at once, and `answers` has what
follows when answers come. No transaction is open while the network is used, nobody waits with a lease in hand, and a
crash at any line leaves every notice of the batch either certainly not sent (sent again) or maybe sent (uncertain,
settled by asking).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.aftermath import RATE_LIMIT, breaker_key, channel_hold, narrow_holds, schedule_waits
from worker.bootstrap import Services
from worker.channels.cargo import Cargo
from worker.channels.channel import Channel, NotReady, Ready
from worker.channels.policy import BUDGET, choose
from worker.costs import afford_now, terms_now
from worker.domain.kinds import CARDS
from worker.domain.kinds.hours import asleep
from worker.domain.lane import Lane
from worker.domain.letters import LetterError
from worker.domain.lifecycle import State
from worker.domain.notice import Letter, Notice
from worker.domain.retry import Decision
from worker.domain.settling import LOOKED_UP
from worker.lease import Lease, LeaseGuard
from worker.ledger import claims, turns
from worker.ledger.switches import STOPPED_CHANNEL
from worker.ledger.turns import Bounds
from worker.queue.breaker import Word
from worker.queue.connection import QueueDown

log = logging.getLogger("hcc.deliver")

NOT_READY, DOWN, REDIS_AWAY = "the channel is not ready", "the channel is down", "Redis is away"
"""Why notices were given back untried."""

RESTORED = "it may have been sent before the ledger was restored"

_STOPPED_SECONDS = 3600.0
_SPREAD_SECONDS = 600.0  # those who wait for one moment do not all start in it


def first_lane(services: Services, oa: str) -> Lane | None:
    """Whose turn it is: the lane of the next batch; None where nothing is due."""
    with services.ledger.connect() as connection:
        return turns.first_lane(connection, oa, bounds(services))


def bounds(services: Services) -> Bounds:
    """What may be claimed: nothing too old (R15) or compared too long ago with the source, at night no reminder."""
    sure = timedelta(seconds=services.settings.sure_seconds)
    return Bounds(services.patience.max_age, asleep(services.clock.now()), sure)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Letters of one batch that leave by one channel, and all that is needed when their answers come."""

    services: Services
    oa: str
    lease: Lease
    guard: LeaseGuard
    channel: Channel
    ready: Ready
    cargo: Cargo
    notices: Sequence[int]  # ids

    def own_up(self) -> None:
        """Tell the limiter where calls left late: their permits count for longer at Zalo than we thought."""
        late = self.guard.lateness()
        if late is not None:
            with suppress(QueueDown):
                self.services.limiter.late(self.services.limits(self.oa), late)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a claim came to: how many notices, and those of them that may leave now."""

    claimed: int
    shipments: list[Shipment] = field(default_factory=list)


def load_batch(services: Services, oa: str, lane: Lane, ready: dict[str, Ready], most: int) -> Batch:
    """Take up to `most` due notices of a lane through the story, up to the wire.

    Raises `QueueDown`: then all that was claimed has gone back.
    """
    lease = Lease.begin(services)
    letters = claim_and_compose(services, oa, lane, lease, most)
    batch = Batch(len(letters))
    try:
        for route in choose_channels(services, doubt_what_was_restored(services, letters)):
            asked_at = time.monotonic()
            if route.channel is None:
                put_down(services, route.untold)
            elif route.channel.name not in ready:
                give_back(services, [letter.notice for letter in route.letters], 5.0, NOT_READY)
            elif letters_to_send := permitted(services, oa, lane, route):
                access = ready[route.channel.name]
                guard = LeaseGuard(services, lease, letters_to_send, asked_at)
                cargo = route.channel.send(letters_to_send, access, guard=guard)
                ids = [letter.notice.id for letter in letters_to_send]
                batch.shipments.append(Shipment(services, oa, lease, guard, route.channel, access, cargo, ids))
                lease.unsettled += len(letters_to_send)
    except QueueDown:
        loaded = {notice for shipment in batch.shipments for notice in shipment.notices}
        give_back(services, [one.notice for one in letters if one.notice.id not in loaded], 1.0, REDIS_AWAY)
        if not loaded:
            raise
    return batch


def permitted(services: Services, oa: str, lane: Lane, route: Route) -> Sequence[Letter]:
    """The letters of a route that may leave now; the others have gone back, each with its time and reason."""
    if route.channel is None:
        return []
    free = leave_alone_what_is_held(services, route.channel, still_wanted(services, route.letters))
    affordable = afford(services, oa, route.channel, permit(services, oa, lane, route.channel, free))
    commit_to(services, route.channel, affordable)
    return affordable


def ready_channels(services: Services, oa: str) -> dict[str, Ready]:
    """The channels that can send now; while none can, nothing is claimed."""
    ready: dict[str, Ready] = {}
    held = services.holds.of(channel_hold(oa, name) for name in services.channels)
    for name, channel in services.channels.items():
        answer = channel.ready(oa)
        if isinstance(answer, NotReady):
            log.warning("channel not ready oa=%s channel=%s why=%s", oa, name, answer.why)
        elif channel_hold(oa, name) not in held and not shut(services, oa, channel):
            ready[name] = answer
    return ready


def shut(services: Services, oa: str, channel: Channel) -> bool:
    """Whether the channel's breaker is open; while it is opening, the permits say how much may go through."""
    return services.breaker.state(breaker_key(oa, channel)).word is Word.OPEN


def claim_and_compose(services: Services, oa: str, lane: Lane, lease: Lease, most: int) -> list[Letter]:
    """Take the lease of due notices and keep their words, in one transaction that is over before the network."""
    with services.ledger.begin() as tx:
        claimed = claims.lock_due(tx, oa, lane, lease.name, most, bounds=bounds(services))
        letters = [compose(services, notice) for notice in claimed]
        claims.lease_out(tx, letters, seconds=services.settings.lease_seconds, by=services.name)
    return letters


def compose(services: Services, notice: Notice) -> Letter:
    """The notice with its words; one whose words cannot be made is set aside alone, not with its batch."""
    fault = notice.fault
    if fault is None:
        try:
            return Letter(notice, services.letters.text(notice.kind, services.facts(notice)))
        except LetterError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 (poison: whatever it makes our code raise, the batch goes on)
            fault = f"its words cannot be made ({type(error).__name__})"  # the error's own text may quote a fact
    log.error("no words notice=%d kind=%s why=%s", notice.id, notice.kind, fault)
    return Letter(notice, None, fault=fault)


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
        yield Route(None, [], untold)
    for name, routed in by_channel.items():
        yield Route(services.channels[name], routed, [])


def stopped(services: Services, channel: str) -> Decision:
    """What would leave by a channel that is switched off waits for it: the next one may cost money. Not an attempt.

    It is not claimed again before the switch ends; its time is only for the case that nobody tells it of that.
    """
    later = services.clock.now() + timedelta(seconds=_STOPPED_SECONDS)
    return Decision(State.DUE, counts=False, due_at=later, reason=f"{STOPPED_CHANNEL}{channel}")


def doubt_what_was_restored(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """The letters that a ledger of before cannot have sent; the others are asked for, or kept for an operator."""
    doubtful = [letter for letter in letters if letter.notice.maybe_since is not None]
    if not doubtful:
        return letters
    terms, due_at = terms_now(services, doubtful), services.clock.now()
    put_down(services, [(letter.notice, doubt(letter, choose(letter, terms), due_at)) for letter in doubtful])
    return [letter for letter in letters if letter.notice.maybe_since is None]


def doubt(letter: Letter, choice: str | Decision, due_at: datetime) -> Decision:
    """What becomes of a notice that may have been sent by a try which the ledger forgot, where it would now go."""
    if isinstance(choice, Decision):
        return choice
    if choice == LOOKED_UP and letter.notice.kind not in CARDS:
        return Decision(State.UNCERTAIN, counts=False, due_at=due_at, reason=RESTORED)
    return Decision(State.QUARANTINED, counts=False, reason=f"{RESTORED}, and {choice} cannot be asked")


def still_wanted(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """What the source says otherwise since the claim (R12: a fee was paid just now), and who unfollowed (R28), go back.

    Each with its reason. What was withdrawn is suppressed on its way, what was corrected is compared before it is
    claimed again, the others are judged anew.
    """
    with services.ledger.connect() as connection:
        unwanted = claims.unwanted(connection, [letter.notice for letter in letters])
    for why in sorted(set(unwanted.values())):
        give_back(services, [one.notice for one in letters if unwanted.get(one.notice.id) == why], 0.0, why)
    return [letter for letter in letters if letter.notice.id not in unwanted]


def leave_alone_what_is_held(services: Services, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Those that nothing holds; what Zalo told us to leave alone goes back until its time is over, spread a little."""
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
        spread = random.random() * min(_SPREAD_SECONDS, longest.seconds / 5)  # noqa: S311 (spreads load, guards nothing)
        give_back(services, [letter.notice], longest.seconds + spread, longest.reason)
    return free


def permit(services: Services, oa: str, lane: Lane, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """One call for the whole batch; what gets no permit, or finds the breaker open, goes back at once with its time.

    So does a permit that the breaker leaves unused: the app's are shared, and one OA's outage must not eat another's.
    """
    limits = services.limits(oa)
    grant = services.limiter.take(limits, len(letters), lane=lane)
    give_back(services, [letter.notice for letter in letters[grant.granted :]], grant.wait_seconds, RATE_LIMIT)
    permitted = letters[: grant.granted]
    allowed = services.breaker.before(breaker_key(oa, channel), len(permitted))
    untried = [letter.notice for letter in permitted[allowed.granted :]]
    services.limiter.give_back(limits, len(untried))
    give_back(services, untried, allowed.wait_seconds, DOWN)
    return permitted[: allowed.granted]


def afford(services: Services, oa: str, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Reserve the cost of what is about to leave; what the day's budget does not hold goes back to be chosen anew."""
    affordable = afford_now(services, oa, channel, letters)
    paid_for = {letter.notice.id for letter in affordable}
    unpaid = [letter.notice for letter in letters if letter.notice.id not in paid_for]
    give_back(services, unpaid, 1.0, f"{BUDGET} is used up")
    return affordable


def commit_to(services: Services, channel: Channel, letters: Sequence[Letter]) -> None:
    """Write down the channel before anything leaves: only a text in the conversation can be looked up after a crash.

    For the usual channel this is what the ledger assumes, and nothing needs to be written.
    """
    unusual = [letter.notice for letter in letters if channel.name != LOOKED_UP or letter.notice.said_no]
    if unusual:
        with services.ledger.begin() as tx:
            claims.commit_to(tx, channel.name, unusual)


def put_down(services: Services, untold: Sequence[tuple[Notice, Decision]]) -> None:
    """Notices that cannot be tried at all: recorded with the reason, where an operator sees it."""
    with services.ledger.begin() as tx:
        claims.put_down(tx, untold, by=services.name)
    with suppress(QueueDown):  # a copy for operators, made anew by a sweep
        schedule_waits(services, untold[0][0].oa, [(notice, decision, None) for notice, decision in untold])


def give_back(services: Services, untried: Sequence[Notice], seconds: float, why: str) -> None:
    """Return notices untried, with the time from which they may be tried: a wait is not an attempt."""
    if not untried:
        return
    later = services.clock.now() + timedelta(seconds=seconds)
    put_down(services, [(notice, Decision(State.DUE, counts=False, due_at=later, reason=why)) for notice in untried])
