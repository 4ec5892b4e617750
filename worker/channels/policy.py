"""Which channel a notice takes: the first, in the configured order, whose conditions hold (R7, R8, R28, R33).

Pure: what is known about the notice and the terms of this moment go in, a name or a decision comes out. A channel that
has said no is not asked again; an uncertain attempt is settled first and never comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TypeAlias

from worker.domain.claims import CODE_LIVES
from worker.domain.clock import to_vietnam
from worker.domain.kinds import PROOF_CODE
from worker.domain.lifecycle import State
from worker.domain.notice import NOT_A_FOLLOWER, OPTED_OUT, Letter, Notice
from worker.domain.retry import Decision
from worker.domain.segments import segments
from worker.domain.window import Window, window

QUIET = "quiet hours"
BUDGET = "the day's budget"
"""With these words begins why a notice waits for the morning, or for the next day."""

_SPREAD = 600  # seconds: those who wait for one moment do not all start in it


@dataclass(frozen=True, slots=True)
class Left:
    """What the day's budget of a channel has left; None where there is no limit."""

    messages: int | None = None
    dong: int | None = None


@dataclass(frozen=True, slots=True)
class No:
    """The channel cannot take this notice."""

    why: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The channel can take it from then on."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the choice depends on beside the notice."""

    now: datetime
    order: Callable[[str], Sequence[str]]  # a kind's channels, the preferred one first
    quiet: tuple[time, time]  # times of day in Vietnam; the same twice: none
    pays_for_cs: bool
    prices: Mapping[str, int]  # đồng a message; of an SMS a segment
    left: Mapping[str, Left]
    held: Mapping[str, NotYet]  # channels that Zalo told us to leave alone for long: a quota, no money
    form_fault: Callable[[Notice], str | None]  # why no approved template can be filled in for the notice
    sms_text: Callable[[str], str]  # the words as an SMS has them
    sms_segments: int  # the most that one SMS may take


Objection: TypeAlias = No | NotYet
Condition: TypeAlias = Callable[[str, Letter, Terms], Objection | None]


def choose(letter: Letter, terms: Terms) -> str | Decision:
    """The name of the channel, or what becomes of the notice where there is none now."""
    if letter.fault is not None:
        return Decision(State.DEAD, counts=False, reason=letter.fault)
    if letter.notice.opted_out:
        return Decision(State.SUPPRESSED, counts=False, reason=OPTED_OUT)
    if letter.notice.no_person_because is not None:
        return Decision(State.UNREACHABLE, counts=False, reason=letter.notice.no_person_because)
    last_resort, objections = None, []
    for name in _untried(letter.notice, terms):
        found = objection(name, letter, terms)
        if found is not None:
            objections.append(found)
        elif not _is_a_last_resort(name, letter, terms):
            return name
        else:
            last_resort = last_resort or name
    return last_resort or _nobody_now(objections)


def elsewhere(notice: Notice, name: str, terms: Terms) -> bool:
    """Whether, after `name` said no, another channel may still reach the person."""
    choice = choose(Letter(replace(notice, said_no=notice.said_no | {name}), None), terms)
    return isinstance(choice, str) or choice.state is State.DUE


def objection(name: str, letter: Letter, terms: Terms) -> Objection | None:
    """Why the channel cannot take the letter now: its first condition that does not hold, or that it is held itself."""
    conditions = CODE_CONDITIONS if letter.notice.kind == PROOF_CODE else CONDITIONS
    found = (condition(name, letter, terms) for condition in conditions[name])
    return next((one for one in found if one is not None), terms.held.get(name))


def price(name: str, letter: Letter, terms: Terms) -> int:
    """What the letter costs on this channel, in đồng, by the price list."""
    if name == "zalo_cs" and window(letter.notice.interacted_at, terms.now) is Window.FREE:
        return 0
    return terms.prices.get(name, 0) * (_sms_segments(letter, terms) if name == "sms" else 1)


def knows_user(_name: str, letter: Letter, _terms: Terms) -> Objection | None:
    return No(letter.notice.absent or NOT_A_FOLLOWER) if letter.notice.user_id is None else None


def has_not_left(_name: str, letter: Letter, _terms: Terms) -> Objection | None:
    """By phone Zalo reaches also who has left the OA: that would not be the silence they asked for (R28)."""
    return No("the person does not follow the OA any more") if letter.notice.left else None


def knows_phone(_name: str, letter: Letter, _terms: Terms) -> Objection | None:
    return No("the phone is not known") if letter.notice.phone_sealed is None else None


def window_is_open(_name: str, letter: Letter, terms: Terms) -> Objection | None:
    """A text that may be charged needs the cost policy's consent; see also `_is_a_last_resort`."""
    if terms.pays_for_cs or window(letter.notice.interacted_at, terms.now) is Window.FREE:
        return None
    return No("the last interaction is not within the free 48 hours")


def has_template(_name: str, letter: Letter, terms: Terms) -> Objection | None:
    fault = terms.form_fault(letter.notice)
    return None if fault is None else No(fault)


def asked_for_sms(_name: str, letter: Letter, _terms: Terms) -> Objection | None:
    """An SMS goes out only where the dossier's form says "Gửi thông báo qua SMS: Có" (R33)."""
    return None if letter.notice.sms else No("the dossier does not ask for SMS")


def is_short_enough(_name: str, letter: Letter, terms: Terms) -> Objection | None:
    number = _sms_segments(letter, terms)
    return No(f"the SMS would take {number} segments") if number > terms.sms_segments else None


def is_a_living_code(_name: str, letter: Letter, terms: Terms) -> Objection | None:
    return No("the one-time code has expired") if terms.now > letter.notice.fresh_at + CODE_LIVES else None


def by_day(_name: str, letter: Letter, terms: Terms) -> Objection | None:
    dawn = quiet_until(terms.quiet, terms.now)
    return NotYet(_spread(dawn, letter), QUIET) if dawn else None


def within_budget(name: str, letter: Letter, terms: Terms) -> Objection | None:
    left = terms.left.get(name, Left())
    enough = (left.messages is None or left.messages >= 1) and (
        left.dong is None or price(name, letter, terms) <= left.dong
    )
    return None if enough else NotYet(_spread(_midnight(terms.now), letter), f"{BUDGET} of {name} is used up")


CONDITIONS: Mapping[str, tuple[Condition, ...]] = {
    "zalo_cs": (knows_user, window_is_open, within_budget),
    "zalo_template": (knows_user, has_template, within_budget),
    "zns": (has_not_left, knows_phone, has_template, within_budget, by_day),
    "sms": (asked_for_sms, knows_phone, is_short_enough, within_budget, by_day),
    "paper": (),
}
"""A row for each channel: what must hold, in the order in which an operator best understands what does not."""


CODE_CONDITIONS: Mapping[str, tuple[Condition, ...]] = {
    "zns": (knows_phone, is_a_living_code, has_template, within_budget),
    "sms": (knows_phone, is_a_living_code, is_short_enough, within_budget),
}
"""A one-time code goes to the phone itself, by night too: somebody waits for it, who may not follow."""


def quiet_until(quiet: tuple[time, time], now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` is in; None by day. The hours may span midnight."""
    begin, end = quiet
    here = to_vietnam(now)
    inside = begin <= here.time() < end if begin <= end else not end <= here.time() < begin
    if not inside:
        return None
    morning = here.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return morning if morning > here else morning + timedelta(days=1)


def _untried(notice: Notice, terms: Terms) -> Iterator[str]:
    return (name for name in terms.order(notice.kind) if name not in notice.said_no)


def _is_a_last_resort(name: str, letter: Letter, terms: Terms) -> bool:
    """A text to somebody whose window we believe closed costs a refusal (-230) at most, and we may be wrong."""
    return name == "zalo_cs" and window(letter.notice.interacted_at, terms.now) is Window.CLOSED


def _nobody_now(objections: Sequence[Objection]) -> Decision:
    later = [found for found in objections if isinstance(found, NotYet)]
    if later:
        first = min(later, key=lambda found: found.at)
        return Decision(State.DUE, counts=False, due_at=first.at, reason=first.why)
    whys = dict.fromkeys(found.why for found in objections)
    return Decision(State.UNREACHABLE, counts=False, reason="; ".join(whys) or "every channel has said no")


def _sms_segments(letter: Letter, terms: Terms) -> int:
    return 1 if letter.text is None else segments(terms.sms_text(letter.text))


def _midnight(now: datetime) -> datetime:
    today = to_vietnam(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _spread(moment: datetime, letter: Letter) -> datetime:
    return moment + timedelta(seconds=letter.notice.id % _SPREAD)
