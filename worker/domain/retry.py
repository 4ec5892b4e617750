"""From an outcome to the notice's next state: a pure decision, tested as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.lifecycle import State
from worker.domain.outcome import Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.domain.settling import LOOKS

UNREACHED = timedelta(seconds=10)
"""The longest wait after a far side that could not be reached: the breaker knocks for all notices together, and none of
them waits for longer than the fault lasts."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we try: seconds for the waits, a timedelta for the age limit."""

    base: float
    cap: float
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Decision:
    """What the ledger is to record. `counts` says whether this try used up an attempt."""

    state: State
    counts: bool
    due_at: datetime | None = None
    reason: str | None = None
    message_id: str | None = None
    said_no: bool = False  # the channel cannot reach this person, now and at the next try
    maybe_since: datetime | None = None  # it may have been sent since then, by a try that the ledger forgot


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
    """What becomes of a notice after `outcome`.

    `attempts` is the number of tries before this one, `jitter` a random number in [0, 1); `elsewhere` says that
    another channel may still reach the person: it is tried at once. An uncertain attempt never goes on elsewhere.
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
    """Exponential with full jitter: anything between nothing and `base · 2^attempts`, at most `cap` seconds.

    Full jitter, so that an outage does not end in a herd (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """
    ceiling = min(patience.cap, patience.base * 2 ** min(attempts, 30))
    return timedelta(seconds=ceiling * jitter)
