"""Computes the daily budget of each channel, in messages and in đồng: the rest, and when to alarm an operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from domain.clock import to_vietnam
from ledger.reports.spending import Spent
from worker.channels.row import Left

FULL = 100  # per cent


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits per day of Vietnam's calendar, by channel; a channel without a row has none."""

    messages: Mapping[str, int]
    dong: Mapping[str, int]
    alarm_percent: int

    def limits(self, channel: str) -> bool:
        """Whether the channel has any limit."""
        return channel in self.messages or channel in self.dong

    def left(self, spent: Mapping[str, Spent]) -> dict[str, Left]:
        """The rest of the budget of every channel that has a limit."""
        return {name: self._left(name, spent.get(name, Spent())) for name in {*self.messages, *self.dong}}

    def used(self, channel: str, spent: Spent) -> int:
        """The used share of the channel's tighter limit, in per cent; 0 if it has none."""
        shares = [_share(spent.messages, self.messages.get(channel)), _share(spent.dong, self.dong.get(channel))]
        return max(shares)

    def crossed(self, channel: str, before: Spent, after: Spent) -> int | None:
        """The threshold (per cent) reached between two moments: the alarm's, or the whole budget; None if neither."""
        was, now = self.used(channel, before), self.used(channel, after)
        return next((mark for mark in (FULL, self.alarm_percent) if was < mark <= now), None)

    def _left(self, name: str, spent: Spent) -> Left:
        messages, dong = self.messages.get(name), self.dong.get(name)
        return Left(
            None if messages is None else max(0, messages - spent.messages),
            None if dong is None else max(0, dong - spent.dong),
        )


def today(now: datetime) -> date:
    """The day that spending at `now` is charged to."""
    return to_vietnam(now).date()


def _share(used: int, most: int | None) -> int:
    if most is None:
        return 0
    return used * FULL // most if most else FULL
