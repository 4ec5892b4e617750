"""Defines the row of a channel: what it says about itself, so that policy, feedback and costs name no channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from domain.forms import Filled
from domain.free_window import FreeWindow, window
from domain.notice import Letter, Notice
from domain.outcome import Outcome, code_of
from worker.channels.channel import Channel
from worker.channels.phones import OpenAll
from worker.channels.sms.gateway import Gateway
from worker.channels.zalo.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Means:
    """The parts that channels are built from."""

    tokens: Tokens
    openapi_url: str
    business_url: str
    remaining: Callable[[int], None]  # called with the remainder of the limit that Zalo reports
    fill: Callable[[Notice], Filled]  # the data of an approved template
    open_phones: OpenAll
    gateway: Gateway
    sms_accents: bool
    paper_folder: Path


@dataclass(frozen=True, slots=True)
class Left:
    """The rest of a channel's daily budget; None if there is no limit."""

    messages: int | None = None
    dong: int | None = None


@dataclass(frozen=True, slots=True)
class No:
    """The channel cannot take this notice."""

    why: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The channel can take the notice only from `at` on."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Terms:
    """The inputs of the choice other than the notice."""

    now: datetime
    order: Callable[[str], Sequence[str]]  # the channels of a kind, the preferred one first
    quiet: tuple[time, time]  # times of day in Vietnam; equal times: no quiet hours
    pays_after_free: bool  # whether a text may go that is charged because the free window is over
    prices: Mapping[str, int]  # đồng per message; for SMS per segment
    left: Mapping[str, Left]
    held: Mapping[str, NotYet]  # channels under a long hold by their provider: quota used up, no money
    form_fault: Callable[[Notice], str | None]  # why no approved template can be filled for the notice
    sms_text: Callable[[str], str]  # the text as sent by SMS
    sms_segments: int  # the most that one SMS may take


class CodeEffect(StrEnum):
    """What an error code means for other notices; `HoldScope` says whom a `Wait` concerns, this says why."""

    LIMIT_REACHED = "limit reached"  # the provider's limit of calls is full; the call was not executed
    WINDOW_CLOSED = "window closed"  # the person has not interacted for so long that no text may be sent
    UNKNOWN_USER = "unknown user"  # the provider does not know this user of the OA


Objection: TypeAlias = No | NotYet


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel: how to build it, whom it may take, what it costs, what its codes mean."""

    name: str
    build: Callable[[Means], Channel]
    conditions: tuple[Condition, ...]  # in the order that best explains a failure to an operator
    code_conditions: tuple[Condition, ...] | None = None  # the same for one-time codes; None: it carries none
    free_window: bool = False  # free for a time after the person's last interaction, later charged, then refused
    units: Callable[[Letter, Terms], int] = lambda _letter, _terms: 1  # how many times the price one message costs
    codes: Mapping[int, CodeEffect] = field(default_factory=dict)
    reason_of: Callable[[int], str] | None = None  # what a code means, as it is stored; None: it answers no codes

    def effect(self, outcome: Outcome) -> CodeEffect | None:
        """What the outcome's code means for other notices; None if it concerns this notice only."""
        code = code_of(outcome)
        return None if code is None else self.codes.get(code)

    def price(self, letter: Letter, terms: Terms) -> int:
        """The price of the letter, in đồng, from the price list."""
        if self.free_window and self.window(letter, terms) is FreeWindow.FREE:
            return 0
        return terms.prices.get(self.name, 0) * self.units(letter, terms)

    def window(self, letter: Letter, terms: Terms) -> FreeWindow:
        """The person's window as far as we know."""
        return window(letter.notice.interacted_at, terms.now)


Condition: TypeAlias = Callable[[ChannelRow, Letter, Terms], Objection | None]
