"""What keeps a notice from leaving: a closed list, and from which moment it may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worker.domain.lifecycle import State


class HeldBy(StrEnum):
    """All that may hold a notice back; nothing else may. The words stand in `hcc dossier --json`."""

    LIMIT = "limit"  # the rate limit, or those that are before it in the line
    HOLD = "hold"  # Zalo told us to leave something alone
    BREAKER = "breaker"
    BACK_OFF = "back-off"
    NIGHT = "night"
    BUDGET = "budget"
    SWITCH = "switch"
    QUARANTINE = "quarantine"
    DOUBT = "doubt"
    NO_FOLLOWER = "no follower"
    EARLIER = "earlier notice"
    SENDING = "being sent"
    TOKEN = "token"  # noqa: S105 (a word)
    SOURCE = "source"
    REDIS = "Redis away"
    LEDGER = "ledger away"


@dataclass(frozen=True, slots=True)
class Held:
    """`until` is the moment from which it may go (UTC); None where nobody can name one."""

    by: HeldBy
    until: datetime | None = None
    what: str | None = None  # more about it: whose hold, which earlier notice


@dataclass(frozen=True, slots=True)
class Live:
    """A notice that may still leave, as the ledger has it. Times are UTC."""

    state: State
    reason: str | None
    waits_for: HeldBy  # what `reason` says, where it is due at a time to come
    due_at: datetime
    lease_until: datetime | None
    is_sure: bool  # compared with the source lately enough
    may_be_told_from: datetime | None  # the end of the hours in which its kind is not sent; None by day
    earlier: str | None  # the event key of the notice of its dossier that goes before it
    stopped: tuple[str, datetime | None] | None  # the switch that stops it, and its end (None: nobody knows)


_OF_STATES: Mapping[State, HeldBy] = {
    State.QUARANTINED: HeldBy.QUARANTINE,
    State.UNREACHABLE: HeldBy.NO_FOLLOWER,
    State.UNCERTAIN: HeldBy.DOUBT,
    State.SENDING: HeldBy.SENDING,
    State.WAITING: HeldBy.EARLIER,
}


def held(notice: Live, of_oa: Held | None, now: datetime) -> Held | None:
    """What holds the notice; None where nothing does, so that it leaves in its turn. `of_oa` holds all of its OA."""
    if notice.stopped is not None:
        what, until = notice.stopped
        return Held(HeldBy.SWITCH, until, what)
    if notice.state is not State.DUE:
        return _of_state(notice)
    if notice.due_at > now:
        return Held(notice.waits_for, notice.due_at, notice.reason)
    if notice.may_be_told_from is not None:
        return Held(HeldBy.NIGHT, notice.may_be_told_from)
    if notice.earlier is not None:
        return Held(HeldBy.EARLIER, what=notice.earlier)
    if of_oa is not None and of_oa.by is not HeldBy.LIMIT:
        return of_oa
    return of_oa if notice.is_sure else Held(HeldBy.SOURCE)


def _of_state(notice: Live) -> Held | None:
    cause = _OF_STATES.get(notice.state)
    match cause:
        case None:
            return None
        case HeldBy.SENDING:
            return Held(cause, notice.lease_until)
        case HeldBy.DOUBT:
            return Held(cause, notice.due_at, notice.reason)
        case HeldBy.EARLIER:
            return Held(cause, what=notice.earlier)
    return Held(cause, what=notice.reason)
