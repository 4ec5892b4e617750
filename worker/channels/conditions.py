"""The conditions that several channels have: each says why a channel cannot take a letter, or None (R7, R8, R28)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from domain.clock import to_vietnam
from domain.free_window import FreeWindow
from domain.notice import NOT_A_FOLLOWER, Letter
from domain.phone_claims import CODE_LIVES
from worker.channels.channel import SPREAD_SECONDS
from worker.channels.row import ChannelRow, No, NotYet, Objection, Terms

QUIET = "quiet hours"
BUDGET = "the day's budget"
"""The reason of a notice that waits for the morning, or for the next day, begins with these words."""


def knows_user(_row: ChannelRow, letter: Letter, _terms: Terms) -> Objection | None:
    return No(letter.notice.absent or NOT_A_FOLLOWER) if letter.notice.user_id is None else None


def has_not_left(_row: ChannelRow, letter: Letter, _terms: Terms) -> Objection | None:
    """Zalo delivers by phone also to persons who have left the OA, against the silence they asked for (R28)."""
    return No("the person does not follow the OA any more") if letter.notice.left else None


def knows_phone(_row: ChannelRow, letter: Letter, _terms: Terms) -> Objection | None:
    return No("the phone is not known") if letter.notice.phone_sealed is None else None


def window_is_open(row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    """A text that may be charged requires that the cost policy allows it; see also `policy.choose`."""
    if terms.pays_after_free or row.window(letter, terms) is FreeWindow.FREE:
        return None
    return No("the last interaction is not within the free 48 hours")


def has_template(_row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    fault = terms.form_fault(letter.notice)
    return None if fault is None else No(fault)


def is_a_living_code(_row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    return No("the one-time code has expired") if terms.now > letter.notice.fresh_at + CODE_LIVES else None


def by_day(_row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    dawn = quiet_until(terms.quiet, terms.now)
    return NotYet(_spread(dawn, letter), QUIET) if dawn else None


def within_budget(row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    left = terms.left.get(row.name)
    if left is None:
        return None
    enough = (left.messages is None or left.messages >= 1) and (
        left.dong is None or row.price(letter, terms) <= left.dong
    )
    return None if enough else NotYet(_spread(_midnight(terms.now), letter), f"{BUDGET} of {row.name} is used up")


def quiet_until(quiet: tuple[time, time], now: datetime) -> datetime | None:
    """The end of the quiet hours that contain `now`; None outside of them. The hours may span midnight."""
    begin, end = quiet
    here = to_vietnam(now)
    inside = begin <= here.time() < end if begin <= end else not end <= here.time() < begin
    if not inside:
        return None
    morning = here.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return morning if morning > here else morning + timedelta(days=1)


def _midnight(now: datetime) -> datetime:
    today = to_vietnam(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _spread(moment: datetime, letter: Letter) -> datetime:
    return moment + timedelta(seconds=letter.notice.id % SPREAD_SECONDS)
