"""The cost of each channel per day: reserved before sending, so that no budget is ever overspent.

A reservation is one short row lock per batch. The reservation of a refused message is given back when its attempt is
completed. A reservation lost in a crash stays until midnight, which errs on the side of spending less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Spent:
    """Messages and đồng of one channel on one day of Vietnam's calendar."""

    messages: int = 0
    dong: int = 0


def spent(tx: Connection, oa: str, day: date) -> dict[str, Spent]:
    """What the channels of an OA have spent on a day; a channel that spent nothing is missing."""
    rows = tx.execute(
        text("SELECT channel, messages, dong FROM spending WHERE oa = :oa AND day = :day"), {"oa": oa, "day": day}
    )
    return {row.channel: Spent(row.messages, row.dong) for row in rows}


def reserve(
    tx: Connection, oa: str, channel: str, day: date, costs: Sequence[int], *, messages: int | None, dong: int | None
) -> tuple[int, Spent]:
    """Reserve the leading `costs` (đồng each) that the day's limits still allow; None is no limit.

    Returns how many were reserved and what had been spent before.
    """
    key = {"oa": oa, "channel": channel, "day": day}
    tx.execute(text("INSERT INTO spending VALUES (:oa, :channel, :day, 0, 0) ON CONFLICT DO NOTHING"), key)
    row = tx.execute(
        text("SELECT messages, dong FROM spending WHERE oa = :oa AND channel = :channel AND day = :day FOR UPDATE"), key
    ).one()
    before = Spent(row.messages, row.dong)
    number, total = 0, 0
    for cost in costs:
        too_many = messages is not None and before.messages + number + 1 > messages
        too_dear = dong is not None and before.dong + total + cost > dong
        if too_many or too_dear:
            break
        number, total = number + 1, total + cost
    _add(tx, key, number, total)
    return number, before


def give_back(tx: Connection, oa: str, channel: str, day: date, costs: Iterable[int]) -> None:
    """Return the reservations of messages that were not sent."""
    unspent = list(costs)
    if unspent:
        _add(tx, {"oa": oa, "channel": channel, "day": day}, -len(unspent), -sum(unspent))


def _add(tx: Connection, key: dict[str, object], messages: int, dong: int) -> None:
    tx.execute(
        text("""
            UPDATE spending SET messages = greatest(0, messages + :messages), dong = greatest(0, dong + :dong)
            WHERE oa = :oa AND channel = :channel AND day = :day"""),
        {**key, "messages": messages, "dong": dong},
    )
