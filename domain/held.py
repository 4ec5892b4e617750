"""Determine why a notice does not leave (one of a closed list), and from which moment it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.lifecycle import State


class HeldBy(StrEnum):
    """The complete list of causes that may hold a notice back. The values appear in `hcc dossier --json`."""

    LIMIT = "limit"  # the rate limit, or notices ahead of it in the queue
    HOLD = "hold"  # Zalo asked us to stop calling for a while
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
    """`until` is the moment from which the notice may leave (UTC); None if it is unknown."""

    by: HeldBy
    until: datetime | None = None
    what: str | None = None  # detail: whose hold, which earlier notice


@dataclass(frozen=True, slots=True)
class Live:
    """A notice that may still leave, as recorded in the ledger. Times are UTC."""

    state: State
    reason: str | None
    waits_for: HeldBy  # the meaning of `reason` if the notice is due in the future
    due_at: datetime
    lease_until: datetime | None
    is_sure: bool  # compared with the source recently enough
    may_be_told_from: datetime | None  # the end of the hours in which its kind is not sent; None by day
    earlier: str | None  # the event key of the notice of its dossier that leaves first
    stopped: tuple[str, datetime | None] | None  # the switch that stops it, and its end (None: unknown)


_OF_STATES: Mapping[State, HeldBy] = {
    State.QUARANTINED: HeldBy.QUARANTINE,
    State.UNREACHABLE: HeldBy.NO_FOLLOWER,
    State.UNCERTAIN: HeldBy.DOUBT,
    State.SENDING: HeldBy.SENDING,
    State.WAITING: HeldBy.EARLIER,
}


def held(notice: Live, of_oa: Held | None, now: datetime) -> Held | None:
    """Why the notice is held; None if it leaves in its turn. `of_oa` is the cause that holds its whole OA."""
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
