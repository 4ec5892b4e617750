"""Defines the SMS gateway protocol: how to build a call, and how to interpret its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from domain.outcome import Outcome
from worker.wire.protocol import Call, Result


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS: `mark` is the same for every attempt of a notice, `phone` is E.164, `accented` asks for Unicode."""

    tag: int
    phone: str = field(repr=False)
    text: str = field(repr=False)
    mark: str
    accented: bool


class Gateway(Protocol):
    """A gateway. To add one, write a file next to this one and add a row to GATEWAYS."""

    def call(self, sms: Sms) -> Call:
        """The request that sends the SMS."""

    def read(self, result: Result, *, jitter: float) -> Outcome:
        """The outcome of the call; it claims no more than the answer proves (law 3)."""
