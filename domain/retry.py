"""Decide a notice's next state from the outcome of an attempt: pure, tested as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.lifecycle import State
from domain.outcome import Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from domain.settling import LOOKS
from domain.value_object import value_object

UNREACHED = timedelta(seconds=10)
"""The longest wait after the server could not be reached: the breaker probes for all notices together, and no notice
waits for longer than the fault lasts."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to retry: seconds for the waits, a timedelta for the age limit."""

    base: float
    cap: float
    max_age: timedelta


@value_object
class Decision:
    """What the ledger must record. `counts`: whether this try used up an attempt."""

    state: State
    counts: bool
    due_at: datetime | None = None
    reason: str | None = None
    message_id: str | None = None
    said_no: bool = False  # the channel cannot reach this person, now and at the next try
    maybe_since: datetime | None = None  # it may have been sent since then, by a try that the ledger lost


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    fresh_at: datetime,
    now: datetime,
    patience: Patience,
    jitter: float,
    elsewhere: bool = False,
) -> Decision:
    """The next state of a notice after `outcome`.

    `attempts` is the number of tries before this one, `jitter` a random number in [0, 1). `elsewhere`: another channel
    may still reach the person, and is tried at once. An uncertain attempt never continues on another channel.
    """
    match outcome:
        case Sent(message_id):
            return Decision(State.SENT, counts=True, message_id=message_id or None)
        case Wait(reason, seconds):
            return Decision(State.DUE, counts=False, due_at=now + timedelta(seconds=seconds), reason=reason)
        case TryLater(reason, _, unreached):
            wait = back_off(attempts, patience, jitter)
            due_at = now + (min(wait, UNREACHED * jitter) if unreached else wait)
            if due_at >= fresh_at + patience.max_age:
                return Decision(State.DEAD, counts=True, reason=f"gave up at its age limit: {reason}")
            return Decision(State.DUE, counts=not unreached, due_at=due_at, reason=reason)
        case Unreachable(reason) if elsewhere:
            return Decision(State.DUE, counts=True, due_at=now, reason=reason, said_no=True)
        case Unreachable(reason):
            return Decision(State.UNREACHABLE, counts=True, reason=reason)
        case Refused(reason):
            return Decision(State.DEAD, counts=True, reason=reason)
        case Uncertain(reason, _, earlier):
            since = now - timedelta(seconds=earlier.seconds_ago) if earlier else None
            due_at = now + timedelta(seconds=LOOKS[0])  # an uncertain notice is due for a look, not for sending
            return Decision(State.UNCERTAIN, counts=True, due_at=due_at, reason=reason, maybe_since=since)


def back_off(attempts: int, patience: Patience, jitter: float) -> timedelta:
    """Exponential back-off with full jitter: between 0 and `base · 2^attempts`, at most `cap` seconds.

    Full jitter avoids a thundering herd after an outage (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """
    ceiling = min(patience.cap, patience.base * 2 ** min(attempts, 30))
    return timedelta(seconds=ceiling * jitter)
