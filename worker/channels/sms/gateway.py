"""What an SMS gateway is to the channel: how to word a call, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from worker.domain.outcome import Outcome
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
    """A gateway. To add one: a file beside this and a row in GATEWAYS."""

    def call(self, sms: Sms) -> Call:
        """The request that sends it."""

    def read(self, result: Result, *, jitter: float) -> Outcome:
        """What came of it; never braver than the answer allows (law 3)."""
