"""Accounts for the cost of sending: the terms of a choice, the reservation before sending, the correction after it.

Prices come from our own list (HCC_PRICES), not from Zalo's bill: a budget is kept by that list.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from domain.notice import Attempt, Letter
from domain.outcome import Unreachable, charged
from ledger.people import followers
from ledger.reports import spending
from ledger.reports.spending import Spent
from worker.channels import CHANNELS
from worker.channels.budget import today
from worker.channels.channel import Channel
from worker.channels.row import CodeEffect, NotYet, Terms
from worker.delivery.feedback import channel_hold
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.costs")

_LONG_SECONDS = 900.0


def terms_now(services: Services, letters: Sequence[Letter]) -> Terms:
    """The terms for choosing this batch's channels; the ledger is queried only if there are budgets to keep."""
    if not letters:
        return services.terms({}, {})
    oa, budget, left = letters[0].notice.oa, services.budget, {}
    if budget.messages or budget.dong:
        with services.ledger.connect() as connection:
            left = budget.left(spending.spent(connection, oa, today(services.clock.now())))
    return services.terms(left, held_for_long(services))


def held_for_long(services: Services) -> dict[str, NotYet]:
    """Channels under a long hold (quota or money used up): another channel may take their notices.

    Notices wait for the end of a short hold.
    """
    if not services.holds.any():
        return {}
    names = {channel_hold(services.oa, name): name for name in services.channels}
    held = services.holds.of(names)
    now = services.clock.now()
    return {
        names[key]: NotYet(now + timedelta(seconds=hold.seconds), hold.reason)
        for key, hold in held.items()
        if hold.seconds > _LONG_SECONDS
    }


def afford_now(services: Services, channel: Channel, letters: Sequence[Letter]) -> list[Letter]:
    """Reserve the cost of the letters in the ledger; returns those that the day's budget covers, with their prices."""
    terms = services.terms({}, {})
    day = today(terms.now)
    prices = [(letter, CHANNELS[channel.name].price(letter, terms)) for letter in letters]
    priced = [
        replace(letter, dong=dong, charged_on=day) if counts(services, channel.name, dong) else letter
        for letter, dong in prices
    ]
    counted = [letter for letter in priced if letter.charged_on == day]
    if not counted:
        return priced
    budget, costs = services.budget, [letter.dong for letter in counted]
    with services.ledger.begin() as tx:
        number, before = spending.reserve(
            tx, services.oa, channel.name, day, costs,
            messages=budget.messages.get(channel.name), dong=budget.dong.get(channel.name),
        )  # fmt: skip
    tell(services, channel.name, before, Spent(before.messages + number, before.dong + sum(costs[:number])))
    too_dear = {letter.notice.id for letter in counted[number:]}
    return [letter for letter in priced if letter.notice.id not in too_dear]


def counts(services: Services, channel: str, dong: int) -> bool:
    """Whether a message is entered in the day's account: it costs something, or its channel has a limit."""
    return dong > 0 or services.budget.limits(channel)


def tell(services: Services, channel: str, before: Spent, after: Spent) -> None:
    """Log the alarm: once when HCC_BUDGET_ALARM_PERCENT is reached, once when the budget is used up."""
    mark = services.budget.crossed(channel, before, after)
    if mark is not None:
        log.error(
            "budget used percent=%d oa=%s channel=%s messages=%d dong=%d",
            mark,
            services.oa,
            channel,
            after.messages,
            after.dong,
        )


def account_for(tx: Connection, services: Services, attempts: Sequence[Attempt]) -> None:
    """Return the reservations of attempts that cost nothing; note closed windows and users unknown to the provider.

    A reservation is returned to the day that it was taken from: midnight may pass between reservation and answer.
    """
    oa, channel = attempts[0].notice.oa, attempts[0].channel
    free: dict[date, list[int]] = defaultdict(list)
    for one in attempts:
        if not charged(one.outcome) and counts(services, channel, one.dong):
            free[one.charged_on or today(one.at)].append(one.dong)
    for day, costs in sorted(free.items()):
        spending.give_back(tx, oa, channel, day, costs)
    said_no = [one for one in attempts if isinstance(one.outcome, Unreachable)]  # with others a code is about our call
    for effect, note in _NOTED.items():
        found = [one for one in said_no if CHANNELS[channel].effect(one.outcome) is effect]
        if found:
            users = [one.notice.user_id or "" for one in found]
            note(tx, oa, users, before=min(one.at for one in found))


_NOTED = {CodeEffect.WINDOW_CLOSED: followers.close_windows, CodeEffect.UNKNOWN_USER: followers.not_known}
"""How the ledger notes what a channel's no says about a person."""
