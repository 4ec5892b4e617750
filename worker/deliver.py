"""From the ledger to the person: the story of a batch, in the order in which it happens.

    claim → compose → choose channel → still wanted? → permit → mark started → send → decide → settle

No transaction is open while the network is used, nobody waits with a lease in hand, and a crash at any line leaves
every notice of the batch either certainly not sent (sent again) or maybe sent (uncertain, settled by asking).
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from worker.aftermath import breaker_key, channel_hold, mind, narrow_holds
from worker.bootstrap import Services
from worker.channels.channel import Channel, NotReady, Ready
from worker.channels.policy import choose, elsewhere
from worker.costs import account_for, afford_now, terms_now
from worker.domain.kinds.hours import asleep
from worker.domain.lane import Lane
from worker.domain.letters import LetterError
from worker.domain.lifecycle import State
from worker.domain.notice import Attempt, Letter, Notice
from worker.domain.outcome import Unreachable
from worker.domain.retry import Decision, decide
from worker.domain.settling import LOOKED_UP
from worker.ledger import claims
from worker.ledger.claims import Bounds
from worker.queue.breaker import Word
from worker.queue.connection import QueueDown

log = logging.getLogger("hcc.deliver")

_SLICE_SECONDS = 0.8  # one task's share: other bells (the poll) get their turn in between
_BATCH = 200  # notices
_CHUNK = 50  # attempts settled at once: what a crash can leave uncertain stays small
_CHUNK_SECONDS = 0.2
_LONG_SECONDS = 15.0  # who has to wait for longer is woken by a bell
_SPREAD_SECONDS = 600.0  # those who wait for one moment do not all start in it


def deliver(services: Services, oa: str, call_help: Callable[[], None] = lambda: None) -> bool:
    """Deliver what is due for `oa`, for a short while; returns whether there may be more to do at once.

    `call_help` is called where there is more than one batch.
    """
    end = time.monotonic() + _SLICE_SECONDS
    while time.monotonic() < end:
        ready = ready_channels(services, oa)
        lane = first_lane(services, oa) if ready else None
        if lane is None:
            return False
        room = services.limiter.peek(services.limits(oa), _BATCH, lane=lane)
        if room.wait_seconds > _LONG_SECONDS:
            return False
        if room.granted == 0:
            time.sleep(min(room.wait_seconds, max(0.0, end - time.monotonic())))
        elif (claimed := deliver_batch(services, oa, lane, ready, room.granted)) == 0:
            return False
        elif claimed == room.granted:
            call_help()
    return True


def first_lane(services: Services, oa: str) -> Lane | None:
    """Whose turn it is: the lane of the next batch; None where nothing is due."""
    with services.ledger.connect() as connection:
        return claims.first_lane(connection, oa, bounds(services))


def bounds(services: Services) -> Bounds:
    """What may be claimed at this moment: nothing too old (R15), and at night no reminder."""
    return Bounds(services.patience.max_age, asleep(services.clock.now()))


def deliver_batch(services: Services, oa: str, lane: Lane, ready: dict[str, Ready], most: int) -> int:
    """Take up to `most` due notices of a lane through the whole story; returns how many were claimed."""
    lease = Lease.begin(services)
    letters = claim_and_compose(services, oa, lane, lease, most)
    for route in choose_channels(services, letters):
        if route.channel is None:
            put_down(services, route.untold)
        elif route.channel.name not in ready:
            give_back(services, [letter.notice for letter in route.letters], 5.0, "the channel is not ready")
        else:
            free = leave_alone_what_is_held(services, route.channel, still_wanted(services, route.letters))
            permitted = permit(services, oa, lane, route.channel, free)
            affordable = afford(services, oa, route.channel, permitted)
            commit_to(services, route.channel, affordable)
            send_and_settle(services, lease, route.channel, ready[route.channel.name], affordable)
    forget_marks(services, lease, letters)
    return len(letters)


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


@dataclass(frozen=True, slots=True)
class Lease:
    """Our right to a batch: its name, the epoch of its marks, and the moment (monotonic) at which we stop sending."""

    name: str
    epoch: str
    until: float

    @classmethod
    def begin(cls, services: Services) -> Lease:
        """A new lease, counted from before the claim: it ends for us before it ends for others."""
        epoch = services.marks.epoch()
        return cls(f"{epoch}.{uuid.uuid4().hex}", epoch, time.monotonic() + services.settings.lease_seconds)


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
        else:
            by_channel.setdefault(choice, []).append(letter)
    if untold:
        yield Route(None, [], untold)
    for name, routed in by_channel.items():
        yield Route(services.channels[name], routed, [])


def still_wanted(services: Services, letters: Sequence[Letter]) -> Sequence[Letter]:
    """What the poll withdrew after the claim (R12: a fee was paid just now) and who unfollowed (R28) are let go.

    They go back; what was withdrawn is suppressed on its way, the others are judged anew.
    """
    with services.ledger.connect() as connection:
        gone = claims.unwanted(connection, [letter.notice for letter in letters])
    give_back(services, [letter.notice for letter in letters if letter.notice.id in gone], 0.0, "unfollowed meanwhile")
    return [letter for letter in letters if letter.notice.id not in gone]


def leave_alone_what_is_held(services: Services, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Those that nothing holds; what Zalo told us to leave alone goes back until its time is over, spread a little."""
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
    """One call for the whole batch; what gets no permit, or finds the breaker open, goes back at once with its time."""
    grant = services.limiter.take(services.limits(oa), len(letters), lane=lane)
    give_back(services, [letter.notice for letter in letters[grant.granted :]], grant.wait_seconds, "rate limit")
    permitted = letters[: grant.granted]
    allowed = services.breaker.before(breaker_key(oa, channel), len(permitted))
    untried = [letter.notice for letter in permitted[allowed.granted :]]
    give_back(services, untried, allowed.wait_seconds, "the channel is down")
    return permitted[: allowed.granted]


def afford(services: Services, oa: str, channel: Channel, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Reserve the cost of what is about to leave; what the day's budget does not hold goes back to be chosen anew."""
    affordable = afford_now(services, oa, channel, letters)
    paid_for = {letter.notice.id for letter in affordable}
    unpaid = [letter.notice for letter in letters if letter.notice.id not in paid_for]
    give_back(services, unpaid, 1.0, "the day's budget is used up")
    return affordable


def commit_to(services: Services, channel: Channel, letters: Sequence[Letter]) -> None:
    """Write down the channel before anything leaves: only a text in the conversation can be looked up after a crash.

    For the usual channel this is what the ledger assumes, and nothing needs to be written.
    """
    unusual = [letter.notice for letter in letters if channel.name != LOOKED_UP or letter.notice.said_no]
    if unusual:
        with services.ledger.begin() as tx:
            claims.commit_to(tx, channel.name, unusual)


def send_and_settle(
    services: Services, lease: Lease, channel: Channel, ready: Ready, letters: Sequence[Letter]
) -> None:
    """Send, and settle in small chunks as answers come, so that a crash loses little."""
    if not letters:
        return
    done: list[Attempt] = []
    settled_at = time.monotonic()
    try:
        for attempt in channel.send(letters, ready, leaving=lambda ids: mark(services, lease, ids)):
            done.append(attempt)
            if len(done) >= _CHUNK or time.monotonic() - settled_at > _CHUNK_SECONDS:
                chunk, done, settled_at = done, [], time.monotonic()
                settle(services, channel, ready, chunk)
    finally:  # an answer that is known is recorded, whatever ended the batch
        settle(services, channel, ready, done)


class LeaseOver(Exception):  # noqa: N818 (a state of the world: the notice is others' by now, or soon)
    """Our time with the batch is over: what has not left stays."""


def mark(services: Services, lease: Lease, ids: Sequence[int]) -> None:
    """Just before bytes may leave. Raises what keeps them from it: the lease is over, the marks are gone or away."""
    if time.monotonic() >= lease.until:
        raise LeaseOver
    services.marks.leave(lease.name, lease.epoch, ids)


def forget_marks(services: Services, lease: Lease, letters: Sequence[Letter]) -> None:
    """The batch is settled as a whole: its marks have done their work."""
    if letters:
        with suppress(QueueDown):
            services.marks.forget(lease.name, lease.epoch)


def settle(services: Services, channel: Channel, ready: Ready, attempts: Sequence[Attempt]) -> None:
    """Decide what becomes of each attempt and record it; then mind what an answer said about the whole channel."""
    if not attempts:
        return
    settled = [(attempt, decide_for(services, attempt)) for attempt in attempts]
    with services.ledger.begin() as tx:
        moved = claims.settle(tx, settled, by=services.name)
        account_for(tx, services, attempts)
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
        now=services.clock.now(),
        patience=services.patience,
        jitter=random.random(),  # noqa: S311 (spreads load, guards nothing)
        elsewhere=isinstance(attempt.outcome, Unreachable)
        and elsewhere(attempt.notice, attempt.channel, services.terms({}, {})),
    )


def put_down(services: Services, untold: Sequence[tuple[Notice, Decision]]) -> None:
    """Notices that cannot be tried at all: recorded with the reason, where an operator sees it."""
    with services.ledger.begin() as tx:
        claims.put_down(tx, untold, by=services.name)


def give_back(services: Services, untried: Sequence[Notice], seconds: float, why: str) -> None:
    """Return notices untried, with the time from which they may be tried: a wait is not an attempt."""
    if not untried:
        return
    later = services.clock.now() + timedelta(seconds=seconds)
    put_down(services, [(notice, Decision(State.DUE, counts=False, due_at=later, reason=why)) for notice in untried])
