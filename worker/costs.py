"""What sending costs: the terms of a choice, the reservation before a batch leaves, the correction after it.

Prices are our list's (HCC_PRICES), not Zalo's bill: a budget holds to the list.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from worker.aftermath import channel_hold
from worker.bootstrap import Services
from worker.channels.budget import today
from worker.channels.channel import Channel
from worker.channels.policy import NotYet, Terms, price
from worker.channels.zalo.codes import UNKNOWN_USER
from worker.domain.notice import Attempt, Letter
from worker.domain.outcome import Unreachable, charged, code_of
from worker.ledger import followers, spending
from worker.ledger.spending import Spent

log = logging.getLogger("hcc.costs")

_LONG_SECONDS = 900.0
NO_INTERACTION = frozenset({-230, -232})  # Zalo: no interaction within 7 days, or it has expired


def terms_now(services: Services, letters: Sequence[Letter]) -> Terms:
    """The terms of this batch's choice; the ledger is asked only where there are budgets to keep."""
    if not letters:
        return services.terms({}, {})
    oa, budget, left = letters[0].notice.oa, services.budget, {}
    if budget.messages or budget.dong:
        with services.ledger.connect() as connection:
            left = budget.left(spending.spent(connection, oa, today(services.clock.now())))
    return services.terms(left, held_for_long(services, oa))


def held_for_long(services: Services, oa: str) -> dict[str, NotYet]:
    """Channels whose quota or money is used up: another one may take their notices. A short hold is waited for."""
    if not services.holds.any():
        return {}
    names = {channel_hold(oa, name): name for name in services.channels}
    held = services.holds.of(names)
    now = services.clock.now()
    return {
        names[key]: NotYet(now + timedelta(seconds=hold.seconds), hold.reason)
        for key, hold in held.items()
        if hold.seconds > _LONG_SECONDS
    }


def afford_now(services: Services, oa: str, channel: Channel, letters: Sequence[Letter]) -> list[Letter]:
    """The letters, each with its price, as many as the day's budget holds; reserved in the ledger."""
    terms = services.terms({}, {})
    day = today(terms.now)
    prices = [(letter, price(channel.name, letter, terms)) for letter in letters]
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
            tx, oa, channel.name, day, costs,
            messages=budget.messages.get(channel.name), dong=budget.dong.get(channel.name),
        )  # fmt: skip
    tell(services, oa, channel.name, before, Spent(before.messages + number, before.dong + sum(costs[:number])))
    too_dear = {letter.notice.id for letter in counted[number:]}
    return [letter for letter in priced if letter.notice.id not in too_dear]


def counts(services: Services, channel: str, dong: int) -> bool:
    """Whether a message stands in the day's account: one that costs something, or has a limit to keep."""
    return dong > 0 or services.budget.limits(channel)


def tell(services: Services, oa: str, channel: str, before: Spent, after: Spent) -> None:
    """The alarm: once when the mark of HCC_BUDGET_ALARM_PERCENT is reached, once when the budget is used up."""
    mark = services.budget.crossed(channel, before, after)
    if mark is not None:
        log.error(
            "budget used percent=%d oa=%s channel=%s messages=%d dong=%d", mark, oa, channel, after.messages, after.dong
        )


def account_for(tx: Connection, services: Services, attempts: Sequence[Attempt]) -> None:
    """Give back what was reserved for attempts that cost nothing; note whose window Zalo says is closed.

    And whom it does not know. What was reserved goes back to the day that it was taken from: between reservation and
    answer there may be a midnight.
    """
    oa, channel = attempts[0].notice.oa, attempts[0].channel
    free: dict[date, list[int]] = defaultdict(list)
    for one in attempts:
        if not charged(one.outcome) and counts(services, channel, one.dong):
            free[one.charged_on or today(one.at)].append(one.dong)
    for day, costs in sorted(free.items()):
        spending.give_back(tx, oa, channel, day, costs)
    closed = [one for one in attempts if channel == "zalo_cs" and code_of(one.outcome) in NO_INTERACTION]
    if closed:
        users = [one.notice.user_id or "" for one in closed]
        followers.close_windows(tx, oa, users, before=min(one.at for one in closed))
    strangers = [one for one in attempts if isinstance(one.outcome, Unreachable) and one.outcome.code == UNKNOWN_USER]
    if strangers:
        users = [one.notice.user_id or "" for one in strangers]
        followers.not_known(tx, oa, users, before=min(one.at for one in strangers))
